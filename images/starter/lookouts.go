package starter

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// lookouts look for one language each. The packages are Debian's, so that the image can be built wherever Debian's mirrors are reached;
// what Debian does not have in time comes from where the language has it.
var lookouts = []func(Read) (need, bool){golang, node, python, rust, ruby, java, php, cmake}

// first is the first of some files that is there.
func first(read Read, names ...string) (name, text string, ok bool) {
	for _, name := range names {
		if text, ok := read(name); ok {
			return name, text, true
		}
	}
	return "", "", false
}

func golang(read Read) (need, bool) {
	_, _, ok := first(read, "go.mod")
	return need{
		Found:    Found{"go.mod", "Go, as Debian has it; it fetches the version that go.mod names where that is newer"},
		packages: []string{"golang-go"}, env: []string{"GOTOOLCHAIN=auto"},
	}, ok
}

// manager is a package manager of npm's world, by its name and a version that a file may pin.
var manager = regexp.MustCompile(`^(pnpm|yarn|bun)@([0-9]+(?:\.[0-9]+){0,2})`)

func node(read Read) (need, bool) {
	text, ok := read("package.json")
	if !ok {
		return need{}, false
	}
	var p struct {
		PackageManager string `json:"packageManager"`
	}
	_ = json.Unmarshal([]byte(text), &p) // of a broken one the lock still says enough
	lock, _, locked := first(read, "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")
	by := map[string]string{"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}[lock]
	version := ""
	if m := manager.FindStringSubmatch(p.PackageManager); m != nil {
		by, version, lock, locked = m[1], "@"+m[2], "package.json", true
	}
	if !locked {
		lock = "package.json"
	}
	if by == "" {
		return need{Found: Found{lock, "node and npm are in the image"}}, true
	}
	n := need{Found: Found{lock, "node is in the image, " + by + " is installed by npm"}, steps: []string{"npm install -g " + by + version}}
	if by == "bun" { // a script of its package puts the program in its place
		n.steps = []string{"npm install -g --allow-scripts bun bun" + version}
	}
	if _, berry := read(".yarnrc.yml"); by == "yarn" && berry { // npm has only its first version
		n.Does, n.steps = "node is in the image, corepack brings the yarn of .yarnrc.yml", []string{"npm install -g corepack && corepack enable"}
	}
	return n, true
}

// libraries are packages of Debian's without which one of Python's cannot be compiled.
var libraries = map[string][]string{
	"psycopg2": {"libpq-dev"}, "psycopg": {"libpq-dev"}, "mysqlclient": {"default-libmysqlclient-dev"}, "lxml": {"libxml2-dev", "libxslt1-dev"},
}

var pythonName = regexp.MustCompile(`(?mi)(?:^|["'\s])(psycopg2?|mysqlclient|lxml)(?:["'\s=<>~!\[;,]|$)`)

func python(read Read) (need, bool) {
	name, text, ok := first(read, "uv.lock", "poetry.lock", "Pipfile", "pyproject.toml", "requirements.txt", "setup.py")
	if !ok {
		return need{}, false
	}
	n := need{Found: Found{name, "Python, as Debian has it, with pip and venv"}, packages: []string{"python3", "python3-dev", "python3-pip", "python3-venv"}}
	switch {
	case name == "uv.lock":
		n.Does += "; uv is installed by pip"
		n.steps = []string{"pip install --no-cache-dir --break-system-packages uv"}
	case name == "poetry.lock" || strings.Contains(text, "[tool.poetry]"):
		n.Does += "; poetry"
		n.packages = append(n.packages, "python3-poetry")
	case name == "Pipfile":
		n.Does += "; pipenv"
		n.packages = append(n.packages, "pipenv")
	}
	for _, more := range []string{"requirements.txt", "pyproject.toml"} {
		all, _ := read(more)
		for _, m := range pythonName.FindAllStringSubmatch(all, -1) {
			n.packages = append(n.packages, libraries[strings.ToLower(m[1])]...)
		}
	}
	slices.Sort(n.packages)
	n.packages = slices.Compact(n.packages)
	return n, true
}

var channel = regexp.MustCompile(`(?m)^\s*channel\s*=\s*"([a-z0-9][a-z0-9.-]*)"`)

func rust(read Read) (need, bool) {
	if _, ok := read("Cargo.toml"); !ok {
		return need{}, false
	}
	version := "stable"
	name, text, ok := first(read, "rust-toolchain.toml", "rust-toolchain")
	if !ok {
		name = "Cargo.toml"
	}
	if m := channel.FindStringSubmatch(text); m != nil {
		version = m[1]
	}
	return need{
		Found: Found{name, "Rust " + version + ", by the rustup of the image"},
		steps: []string{"rustup toolchain install " + version + " && rustup default " + version},
	}, true
}

func ruby(read Read) (need, bool) {
	_, _, ok := first(read, "Gemfile")
	return need{Found: Found{"Gemfile", "Ruby and bundler, as Debian has them"}, packages: []string{"bundler", "ruby-full"}}, ok
}

func java(read Read) (need, bool) {
	name, _, ok := first(read, "pom.xml", "build.gradle", "build.gradle.kts")
	if !ok {
		return need{}, false
	}
	n := need{Found: Found{name, "a JDK, as Debian has it"}, packages: []string{"default-jdk-headless"}}
	_, _, wrapped := first(read, "mvnw", "gradlew")
	switch {
	case wrapped:
		n.Does += "; the repository's own wrapper brings its build tool"
	case name == "pom.xml":
		n.Does += ", and Maven"
		n.packages = append(n.packages, "maven")
	default:
		n.Does += "; Debian's Gradle is too old: have gradlew in the repository"
	}
	return n, true
}

func php(read Read) (need, bool) {
	_, _, ok := first(read, "composer.json")
	return need{Found: Found{"composer.json", "PHP and composer, as Debian has them"}, packages: []string{"composer", "php-cli", "php-mbstring", "php-xml"}}, ok
}

func cmake(read Read) (need, bool) {
	_, _, ok := first(read, "CMakeLists.txt")
	return need{Found: Found{"CMakeLists.txt", "CMake and ninja; a compiler is in the image"}, packages: []string{"cmake", "ninja-build"}}, ok
}
