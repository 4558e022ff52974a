package builds

// All are the records of all units, by key.
func (s *Store) All() map[string]Record {
	all := map[string]Record{}
	for _, key := range s.keys("") {
		if r := s.Read(key); r.Dockerfile != "" {
			all[key] = r
		}
	}
	return all
}
