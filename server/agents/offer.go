package agents

import "context"

// ToOffer are the instances of which an editor is to ask whether what ran there comes back. Each interruption is asked about once, in
// whichever editor comes first, and not after a stop, which somebody asked for.
func (m *Manager) ToOffer(ctx context.Context, all []Instance) (about []Instance) {
	if m.trusted() != nil {
		return nil
	}
	for _, i := range all {
		if !i.comesBack() {
			continue
		}
		t, err := m.target(ctx, i.Repo, i.Branch)
		if err != nil {
			continue
		}
		p := t.place
		if l, err := tryLock(p.lock(), exclusive); err == nil { // else somebody is at it: a recreate, or another editor
			if m.offer(p, i.Sessions) {
				about = append(about, i)
			}
			l.unlock()
		}
	}
	return about
}

// offer marks the sessions of an instance that come back as asked about. It is false where there is none that was not.
func (m *Manager) offer(p place, sessions []Session) (anew bool) {
	for _, s := range sessions {
		if r, ok := p.readRan(s.Name); ok && s.ComesBack && !r.Offered {
			r.Offered, anew = true, true
			m.writeRan(p, s.Name, r)
		}
	}
	return anew
}
