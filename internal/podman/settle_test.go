package podman_test

import (
	"errors"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// The errors are Podman 4.3's own, word for word but for the ids.
func TestSettle(t *testing.T) {
	for text, asked := range map[string]int{
		`Error response from daemon: checking if image "e367" is dangling: reading image "e367": locating image with ID "e367": image not known`:                                                            3,
		`Error response from daemon: failed to convert ImageData to ImageInspect: "845f": reading image "845f": locating image with ID "845f": x`:                                                           3,
		`Error response from daemon: checking if image "dfb3" is dangling: locating item named "manifest" for image with ID "50e3" (consider removing the image to resolve the issue): file does not exist`: 3,
		`Error response from daemon: no space left on device`: 1,
	} {
		n := 0
		_, err := podman.Settle(t.Context(), func() (int, error) {
			if n++; n < 3 {
				return 0, errors.New(text)
			}
			return n, nil
		})
		if n != asked || (err == nil) != (asked == 3) {
			t.Errorf("%s: asked %d times, %v", text, n, err)
		}
	}
	n := 0
	if _, err := podman.Settle(t.Context(), func() (int, error) { n++; return 0, errors.New("x: image not known") }); err == nil || n > 10 {
		t.Errorf("asked %d times: %v", n, err)
	}
}
