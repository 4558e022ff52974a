package shipped

import "testing"

// first builds what hjk-ls init writes for a repository of several languages, as far as Debian's packages go, and uses what it installs.
func (w *world) first(t *testing.T) {
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.21\n", "pyproject.toml": "[tool.poetry]\nname = \"x\"\n", "requirements.txt": "psycopg2\nlxml\n", "Gemfile": "",
		"pom.xml": "<project/>\n", "composer.json": "{}\n", "CMakeLists.txt": "", "package.json": "{}\n",
	} {
		w.write(t, name, text)
	}
	w.hjk(t, "init")
	w.hjk(t, "run", "first", "--image", ".headjack/Dockerfile", "--detach")
	w.inside(t, "first", "go version && poetry --version && python3 -m venv /tmp/venv && pg_config --version && ruby --version && bundle --version && mvn --version && composer --version && cmake --version && ninja --version && npm --version")
	w.remove(t, "first")
}
