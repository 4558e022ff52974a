package system

import "time"

// grain is how long two changes of a file may bear the same time: file systems take it from a clock that ticks every 10 ms
// at worst.
const grain = 20 * time.Millisecond

// Settled reports whether a file that was changed at modTime and looked at later than at now bears another time after its next
// change. One that is not settled may change once more without anybody being able to tell by its time.
func Settled(modTime, now time.Time) bool {
	age := now.Sub(modTime)
	return age > grain || age < -grain // a time in the future is not the next change's either
}
