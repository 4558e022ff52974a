package system

// ReadInBackground does nothing: there are no background jobs.
func ReadInBackground() {}
