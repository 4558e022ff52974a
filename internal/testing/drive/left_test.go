package drive

import "testing"

// A script's containers are told from those of a script whose name begins as its own does.
func TestBelow(t *testing.T) {
	for path, want := range map[string]bool{
		"/t/script-exec": true, "/t/script-exec/repo": true,
		"/t/script-execends/repo": false, "/t/script-exe": false, "/u/t/script-exec": false, "": false,
	} {
		for _, dir := range []string{"/t/script-exec", "/t/script-exec/"} {
			if got := below(dir, path); got != want {
				t.Errorf("below(%q, %q) is %v, want %v", dir, path, got, want)
			}
		}
	}
}
