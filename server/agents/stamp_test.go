package agents

import "testing"

func TestStampThatIsNotSettledIsLookedAtAgain(t *testing.T) {
	var k known[string]
	for i, look := range []struct {
		stamp         string
		settled, want bool
	}{
		{"a", true, true},
		{"a", true, false},
		{"b", false, true},
		{"b", false, true}, // a second change may hide behind the same stamp
		{"b", true, true},  // also one that came since the last look
		{"b", true, false},
	} {
		if got := k.changed(look.stamp, look.settled); got != look.want {
			t.Errorf("look %d: changed is %v", i, got)
		}
	}
}
