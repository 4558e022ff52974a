package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// slugMax keeps the readable part short: the engine, the file system and people all have limits.
const slugMax = 40

// InstanceName is the name of an instance's container, worktree folder and state folder: "hjk-", a readable slug of
// the branch, "-", and twelve hex digits of SHA-256(root, NUL, full ref), so that branches that fold alike stay
// apart, as do repositories in folders of one name. The slug is lower case, as file systems may not tell case apart.
// The alphabet is within the engine's own, [a-zA-Z0-9][a-zA-Z0-9_.-]+ (moby/moby, daemon/names).
func InstanceName(root, branch string) string {
	sum := sha256.Sum256([]byte(root + "\x00refs/heads/" + branch))
	name := "hjk-"
	if s := slug(branch); s != "" {
		name += s + "-"
	}
	return name + hex.EncodeToString(sum[:6])
}

func slug(branch string) string {
	var b strings.Builder
	dash := true // swallows leading dashes
	for _, r := range strings.ToLower(branch) {
		ok := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_'
		switch {
		case ok:
			b.WriteRune(r)
			dash = false
		case !dash:
			b.WriteByte('-')
			dash = true
		}
		if b.Len() >= slugMax {
			break
		}
	}
	return strings.Trim(b.String(), "-.")
}
