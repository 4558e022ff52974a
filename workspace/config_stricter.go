package workspace

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// direction says of a key what the repository's file may do to it. Between the user's value and the repository's the stricter
// one holds; what is looser, or reaches the host or a credential, needs the user's consent for exactly that value.
type direction[T any] struct {
	words string
	merge func(own, repo T, said bool, allowed func(value string) bool) (merged T, denied []string)
}

// free is a key without a direction: none of its values is power.
func free[T any](why string) direction[T] {
	return direction[T]{"no direction: " + why, func(_, repo T, _ bool, _ func(string) bool) (T, []string) { return repo, nil }}
}

// directed takes the repository's value when the user agreed to all that it has beyond the own one.
func directed[T any](words string, beyond func(own, repo T, said bool) []string) direction[T] {
	return direction[T]{words, func(own, repo T, said bool, allowed func(string) bool) (T, []string) {
		denied := slices.DeleteFunc(beyond(own, repo, said), allowed)
		if len(denied) > 0 {
			return own, denied
		}
		return repo, nil
	}}
}

// ordered is a key of a few words, the strictest first. They give no power over the host, so a default that the user has
// not touched does not count.
func ordered(strictestFirst ...string) direction[string] {
	return directed("stricter: "+strings.Join(strictestFirst, ", "), func(own, repo string, said bool) []string {
		if said && slices.Index(strictestFirst, repo) > slices.Index(strictestFirst, own) {
			return []string{repo}
		}
		return nil
	})
}

// lower is a limit; zero is none. words are for a value.
func lower[T cmp.Ordered](words func(T) string) direction[T] {
	return directed("stricter: lower", func(own, repo T, _ bool) []string {
		var none T
		if own != none && repo > own {
			return []string{words(repo)}
		}
		return nil
	})
}

// fewer is a list of things that each are power.
func fewer[T comparable]() direction[[]T] {
	return directed("stricter: fewer", func(own, repo []T, _ bool) []string {
		var more []string
		for _, v := range repo {
			if !slices.Contains(own, v) {
				more = append(more, fmt.Sprint(v))
			}
		}
		return more
	})
}

// either is a switch whose one side is the stricter.
func either(strict bool) direction[bool] {
	return directed(fmt.Sprintf("stricter: %v", strict), func(own, repo bool, _ bool) []string {
		if repo != own && repo != strict {
			return []string{fmt.Sprint(repo)}
		}
		return nil
	})
}

// theUsers is a key that only the user sets: any other value of the repository's needs consent.
func theUsers[T comparable](what string) direction[T] {
	return directed("asked for: "+what, func(own, repo T, _ bool) []string {
		var none T
		if repo != own && repo != none {
			return []string{fmt.Sprint(repo)}
		}
		return nil
	})
}

// networks: no network is the strictest. Of two others none is known to be, so leaving the user's is asked for.
var networks = directed("stricter: none; another than the user's is asked for", func(own, repo string, _ bool) []string {
	if repo == own || repo == "none" {
		return nil
	}
	return []string{repo}
})

// images of the checkout, and references, are as good as what the agent's Dockerfile makes. A path out of the checkout is a
// folder of the host, which becomes the build's context; an image that hjk-ls made for a branch holds what is of that project.
var images = directed("asked for: a path outside of the checkout, an image of another project", func(_, repo string, _ bool) []string {
	if strings.HasPrefix(repo, "~") || filepath.IsAbs(repo) || !filepath.IsLocal(filepath.Clean(repo)) || strings.Contains(repo, madeImages) {
		return []string{repo}
	}
	return nil
})

// madeImages is in the names of the images that hjk-ls makes for branches.
const madeImages = "headjack/hjk-"

// ownAgents: an agent of the repository's is added; one that the user has defined stays as it is. What gets a credential is
// asked for again when it starts.
var ownAgents = direction[map[string]Agent]{
	"asked for: another definition of an agent of yours", func(own, repo map[string]Agent, _ bool, allowed func(string) bool) (map[string]Agent, []string) {
		merged := maps.Clone(own)
		if merged == nil {
			merged = map[string]Agent{}
		}
		var denied []string
		for _, name := range slices.Sorted(maps.Keys(repo)) {
			a := repo[name]
			mine, defined := own[name]
			if defined && reflect.DeepEqual(mine, a) {
				continue
			}
			if ask := name + ":" + a.String(); defined && !allowed(ask) {
				denied = append(denied, ask)
				continue
			}
			a.Repository = true
			merged[name] = a
		}
		return merged, denied
	},
}

// String is all that an agent's definition says, in one line.
func (a Agent) String() string {
	var words strings.Builder // a file may name tens of thousands of variables
	fmt.Fprintf(&words, "%q", a.Command)
	for _, k := range slices.Sorted(maps.Keys(a.Env)) {
		fmt.Fprintf(&words, " %s=%q", k, a.Env[k])
	}
	for _, more := range []struct {
		name string
		list []string
	}{{"args", a.Args}, {"prompt", a.Prompt}, {"resume", a.Resume}} {
		if len(more.list) > 0 {
			fmt.Fprintf(&words, " %s %q", more.name, more.list)
		}
	}
	return words.String()
}

// shown is a setting's value in words.
func shown(key string, v any) string {
	if v == nil {
		return ""
	}
	if n, ok := v.(int64); ok && (key == "resources.memory" || key == "shmSize") {
		return Size(n)
	}
	if all, ok := v.(map[string]Agent); ok {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			words = append(words, name+":"+all[name].String())
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprint(v)
}

func number[T any](n T) string { return fmt.Sprint(n) }

// Size is a number of bytes as a user writes it. It says exactly that number: consent is remembered by it.
func Size(bytes int64) string {
	for shift, unit := range map[int]string{30: "g", 20: "m", 10: "k"} {
		if n := bytes >> shift; n > 0 && n<<shift == bytes && (shift == 30 || n%1024 != 0) {
			return fmt.Sprint(n) + unit
		}
	}
	return fmt.Sprint(bytes)
}
