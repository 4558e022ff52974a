package workspace

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// added is a list of the user's own things, to which the repository's come: it takes none of them away. Those that reach the host
// are asked for, each by itself.
func added[T comparable](what string, reaches func(T) bool) direction[[]T] {
	return direction[[]T]{toYours(what), func(own, repo []T, _ bool, allowed func(string) bool) ([]T, []string) {
		merged := slices.Clone(own)
		var denied []string
		for _, v := range repo {
			switch ask := fmt.Sprint(v); {
			case slices.Contains(merged, v):
			case reaches(v) && !allowed(ask):
				denied = append(denied, ask)
			default:
				merged = append(merged, v)
			}
		}
		return merged, denied
	}}
}

// every and none of a key's values reach the host.
func every[T any](T) bool { return true }

// none is for keys none of whose values do.
func none[T any](T) bool { return false }

// addedNames is the same for an object. A name that the user has set keeps the user's value until the user agrees.
func addedNames[V comparable](what string, ask func(name string, v V) string, reaches func(V) bool) direction[map[string]V] {
	return direction[map[string]V]{toYours(what), func(own, repo map[string]V, _ bool, allowed func(string) bool) (map[string]V, []string) {
		merged := maps.Clone(own)
		if merged == nil {
			merged = map[string]V{}
		}
		var denied []string
		for _, name := range slices.Sorted(maps.Keys(repo)) {
			v := repo[name]
			mine, said := own[name]
			switch {
			case said && mine == v:
			case (said || reaches(v)) && !allowed(ask(name, v)):
				denied = append(denied, ask(name, v))
			default:
				merged[name] = v
			}
		}
		return merged, denied
	}}
}

// variablesOf: a value is no more than an ENV of the repository's Dockerfile.
var variablesOf = addedNames("a value of the host's, another for a name of yours", func(name string, v EnvValue) string {
	if v.Host {
		return name
	}
	return nameAndValue(name, v.Text)
}, func(v EnvValue) bool { return v.Host })

// OutOfCheckout reports whether a file that the settings name is not one of the checkout.
func OutOfCheckout(path string) bool {
	return strings.HasPrefix(path, "~") || filepath.IsAbs(path) || !filepath.IsLocal(path)
}

// toYours says in words how a key of this kind is merged.
func toYours(what string) string {
	if what == "" {
		return "added to yours"
	}
	return "added to yours; asked for: " + what
}

func nameAndValue(name, value string) string { return name + "=" + value }
