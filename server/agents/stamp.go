package agents

// known is a stamp as it was last seen.
type known[T comparable] struct {
	last    T
	settled bool
}

// changed takes a new stamp and reports whether something may have changed since the last.
func (k *known[T]) changed(now T, settled bool) bool {
	same := now == k.last && k.settled
	k.last, k.settled = now, settled
	return !same
}
