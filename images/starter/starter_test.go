package starter

import (
	"strings"
	"testing"
)

func TestDockerfile(t *testing.T) {
	for name, c := range map[string]struct {
		files     map[string]string
		has, lack []string
	}{
		"nothing": {nil, []string{"FROM base\n", "# Nothing was found"}, []string{"\nRUN"}},
		"go and node": {
			map[string]string{"go.mod": "module x", "package.json": `{"packageManager": "pnpm@9.1.0+sha512.abc"}`, "pnpm-lock.yaml": ""},
			[]string{"    golang-go \\\n", "RUN npm install -g pnpm@9.1.0\n", "GOTOOLCHAIN=auto"},
			nil,
		},
		"npm alone installs nothing": {map[string]string{"package.json": "{", "package-lock.json": ""}, []string{"# package-lock.json: node and npm are in the image"}, []string{"RUN"}},
		"newer yarn":                 {map[string]string{"package.json": "{}", "yarn.lock": "", ".yarnrc.yml": ""}, []string{"corepack enable"}, []string{"-g yarn"}},
		"python with libraries": {
			map[string]string{"requirements.txt": "Django>=5\npsycopg2==2.9\nnotlxml\n"},
			[]string{"python3-venv", "libpq-dev"},
			[]string{"libxml2-dev", "uv", "poetry"},
		},
		"poetry":                {map[string]string{"pyproject.toml": "[tool.poetry]\n"}, []string{"python3-poetry"}, nil},
		"rust of its own":       {map[string]string{"Cargo.toml": "", "rust-toolchain.toml": "[toolchain]\nchannel = \"1.90.0\"\n"}, []string{"rustup default 1.90.0"}, nil},
		"a channel is no word":  {map[string]string{"Cargo.toml": "", "rust-toolchain.toml": "channel = \"x; rm -rf /\"\n"}, []string{"rustup default stable"}, []string{"rm -rf /\n", "rm -rf / "}},
		"a manager is no word":  {map[string]string{"package.json": `{"packageManager": "pnpm@1; id"}`}, []string{"RUN npm install -g pnpm@1\n"}, []string{"; id"}},
		"maven, ruby":           {map[string]string{"pom.xml": "", "Gemfile": ""}, []string{"maven", "default-jdk-headless", "ruby-full", "bundler"}, nil},
		"gradle with a wrapper": {map[string]string{"build.gradle.kts": "", "gradlew": ""}, []string{"default-jdk-headless", "wrapper"}, []string{"maven"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, found := Dockerfile("base", func(name string) (string, bool) { s, ok := c.files[name]; return s, ok })
			if (len(found) == 0) != (len(c.files) == 0) {
				t.Errorf("found %v", found)
			}
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("has no %q:\n%s", want, text)
				}
			}
			for _, not := range c.lack {
				if strings.Contains(text, not) {
					t.Errorf("has %q:\n%s", not, text)
				}
			}
		})
	}
}
