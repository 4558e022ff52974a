package workspace

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// stricterCase is what a key's direction has to do: own is in the user's config.yaml ("" leaves the key out), strict in the
// repository's file is taken as it is, and loose only with consent.
type stricterCase struct{ own, strict, loose, asks string }

// stricterCases has every key. A key of which this says nothing fails the test.
var stricterCases = map[string][]stricterCase{
	"image":                    {{"debian:12", "debian:13", "/etc", "image=/etc"}, {"", "./Dockerfile", "../other", "image=../other"}, {"", "base", "~/x/Dockerfile", "image=~/x/Dockerfile"}, {"", "a/../b", "./a/../../b", "image=./a/../../b"}, {"", "", "docker.io/headjack/hjk-x-1:latest", "image=docker.io/headjack/hjk-x-1:latest"}},
	"agent":                    {{"claude", "shell", "", ""}},
	"agents":                   {{"{mine: {command: [a]}}", "{other: {command: [b]}}", "{mine: {command: [b], env: {X: y}}}", `agents=mine:["b"] X="y"`}, {"{mine: {command: [a]}}", "{mine: {command: [a]}}", "{mine: {command: [a], resume: [-c]}}", `agents=mine:["a"] resume ["-c"]`}, {"{claude: {args: [-a]}}", "{claude: {args: [-a]}}", "{claude: {args: [-b], prompt: ['{prompt}']}}", `agents=claude:[] args ["-b"] prompt ["{prompt}"]`}},
	"pull":                     {{"missing", "never", "always", "pull=always"}, {"", "always", "", ""}},
	"recreate":                 {{"ask", "never", "auto", "recreate=auto"}, {"", "auto", "", ""}},
	"network":                  {{"none", "none", "default", "network=default"}, {"none", "none", "corp", "network=corp"}, {"", "none", "corp", "network=corp"}, {"corp", "corp", "default", "network=default"}},
	"ports":                    {{"[1, 2]", "[2]", "[2, 3]", "ports=3"}, {"", "[]", "[3]", "ports=3"}, {"[]", "[]", "[3]", "ports=3"}, {"[3]", "['3:3']", "['4:3']", "ports=4:3"}},
	"clipboard":                {{"none", "none", "write", "clipboard=write"}, {"write", "none", "", ""}},
	"certificates":             {{"[/mine.pem]", "[]", "[/mine.pem, /etc/theirs.pem]", "certificates=/etc/theirs.pem"}, {"", "[]", "~/ca.pem", "certificates=~/ca.pem"}},
	"notify":                   {{"[a, b]", "", "", ""}}, // TestNotifyIsTheUsers
	"setup.command":            {{"npm ci", "[[a], [b, c]]", "", ""}, {"", "make", "", ""}},
	"setup.onRecreate":         {{"true", "false", "", ""}, {"false", "true", "", ""}},
	"teardown":                 {{"[docker, compose, down]", "make clean", "", ""}},
	"mounts":                   {{"[{source: ~/a, target: /a}]", "[{source: ~/a, target: /a}]", "[{source: ~/b, target: /b, readOnly: true}]", "mounts=~/b:/b:ro"}, {"", "[]", "[{source: ../x, target: ../x}]", "mounts=../x:../x"}},
	"caches":                   {{"[~/.npm]", "[~/.npm]", "", ""}, {"", "[/go/pkg/mod]", "", ""}},
	"home":                     {{"[~/.claude/CLAUDE.md]", "[~/.claude/CLAUDE.md]", "[~/.ssh]", "home=~/.ssh"}, {"", "[]", "~/.config/gh", "home=~/.config/gh"}},
	"env":                      {{"{A: '1'}", "{A: '1'}", "{B: null}", "env=B"}, {"{A: '1'}", "{A: '1'}", "{A: '2'}", "env=A=2"}, {"", "{A: '1'}", "{A: null}", "env=A"}},
	"envFile":                  {{"", "[.env, a/b.env]", "[../b.env]", "envFile=../b.env"}, {"", ".env", "~/.netrc", "envFile=~/.netrc"}, {"", ".env", "/etc/environment", "envFile=/etc/environment"}},
	"shmSize":                  {{"1g", "64m", "2g", "shmSize=2g"}, {"", "2g", "", ""}},
	"hosts":                    {{"{a.b: 10.0.0.1}", "{a.b: 10.0.0.1}", "{a.b: 10.0.0.2}", "hosts=a.b=10.0.0.2"}, {"", "{}", "{me: host-gateway}", "hosts=me=host-gateway"}},
	"dns":                      {{"[10.0.0.1]", "[10.0.0.1]", "[10.0.0.2]", "dns=10.0.0.2"}, {"", "[]", "'::1'", "dns=::1"}},
	"devices":                  {{"[/dev/kvm]", "[/dev/kvm]", "['/dev/fuse:/dev/fuse:r']", "devices=/dev/fuse:/dev/fuse:r"}, {"", "[]", "/dev/kvm", "devices=/dev/kvm"}},
	"gpus":                     {{"'1'", "'1'", "all", "gpus=all"}, {"", "", "[GPU-1, GPU-2]", "gpus=GPU-1,GPU-2"}},
	"worktrees":                {{"/mine", "/mine", "/theirs", "worktrees=/theirs"}, {"", "", "~/theirs", "worktrees=~/theirs"}},
	"build.on":                 {{"manual", "manual", "environment", "build.on=environment"}, {"environment", "manual", "inputs", "build.on=inputs"}, {"environment", "environment", "save", "build.on=inputs"}, {"save", "environment", "", ""}, {"", "inputs", "", ""}},
	"build.target":             {{"a", "b", "", ""}},
	"build.args":               {{"{A: '1'}", "{A: '2'}", "", ""}},
	"build.secrets":            {{"[a]", "[]", "[a, b]", "build.secrets=b"}, {"", "[]", "id=x,src=~/.netrc", "build.secrets=id=x,src=~/.netrc"}},
	"build.ssh":                {{"default", "[]", "x=/key", "build.ssh=x=/key"}, {"", "[]", "default", "build.ssh=default"}},
	"build.platform":           {{"linux/amd64", "linux/arm64", "", ""}},
	"security.noNewPrivileges": {{"true", "true", "false", "security.noNewPrivileges=false"}, {"", "true", "false", "security.noNewPrivileges=false"}, {"false", "true", "", ""}},
	"security.capabilities":    {{"[NET_RAW]", "[]", "[NET_RAW, SYS_PTRACE]", "security.capabilities=SYS_PTRACE"}, {"", "[]", "[NET_RAW]", "security.capabilities=NET_RAW"}},
	"git.ssh":                  {{"false", "false", "true", "git.ssh=true"}, {"", "false", "true", "git.ssh=true"}, {"true", "false", "", ""}},
	"git.token":                {{"MINE", "MINE", "AWS_SECRET", "git.token=AWS_SECRET"}, {"", "", "MINE", "git.token=MINE"}},
	"resources.memory":         {{"1g", "512m", "2g", "resources.memory=2g"}, {"1g", "1g", "1025m", "resources.memory=1025m"}, {"1k", "1k", "1025", "resources.memory=1025"}, {"", "4g", "", ""}},
	"resources.cpus":           {{"1", "0.5", "1.5", "resources.cpus=1.5"}, {"", "8", "", ""}},
	"resources.pids":           {{"200", "100", "1000", "resources.pids=1000"}, {"", "4096", "5000", "resources.pids=5000"}},
}

// document is a YAML document with one key.
func document(key, value string) string {
	if value == "" {
		return ""
	}
	if group, leaf, ok := strings.Cut(key, "."); ok {
		return group + ": {" + leaf + ": " + quoted(value) + "}\n"
	}
	return key + ": " + quoted(value) + "\n"
}

// quoted keeps a text with a comma one word.
func quoted(value string) string {
	if strings.ContainsAny(value, "[{") || !strings.Contains(value, ",") {
		return value
	}
	return "'" + value + "'"
}

// TestStricterHolds goes through every key of the table: the repository's file takes nothing from the user by itself, and
// gets what the user agreed to. Its control is the same file with consent, with which each of these values does hold.
func TestStricterHolds(t *testing.T) {
	for _, key := range schema.leaves("") {
		cases := stricterCases[key]
		if len(cases) == 0 || schema.at(key).stricter == "" || schema.at(key).merge == nil {
			t.Errorf("%s does not say which way is stricter", key)
		}
		for _, c := range cases {
			t.Run(key+" over "+c.own, func(t *testing.T) { c.check(t, key) })
		}
	}
}

func (c stricterCase) check(t *testing.T, key string) {
	f := schema.at(key)
	load := func(repo string, allowed func(Ask) bool) (any, Config) {
		t.Helper()
		user := write(t, "config.yaml", document(key, c.own))
		got, _, err := LoadConfig(Layers{UserFile: user, RepoFile: write(t, "repo.yaml", document(key, repo)), Allowed: allowed})
		if err != nil {
			t.Fatal(err)
		}
		return f.get(&got), got
	}
	own, _ := load("", nil)
	if c.strict != "" {
		alone, _, err := LoadConfig(Layers{UserFile: write(t, "config.yaml", document(key, c.strict))})
		if err != nil {
			t.Fatal(err)
		}
		got, config := load(c.strict, nil)
		if len(config.Denied) > 0 || key != "agents" && fmt.Sprint(got) != fmt.Sprint(f.get(&alone)) {
			t.Errorf("%s over %s gives %v and asks %v", c.strict, c.own, got, config.Denied)
		}
	}
	if c.loose == "" {
		return
	}
	got, config := load(c.loose, nil)
	if fmt.Sprint(got) != fmt.Sprint(own) {
		t.Errorf("%s over %s was taken without a question: %v", c.loose, c.own, got)
	}
	if len(config.Denied) != 1 || config.Denied[0].String() != c.asks || config.Denied[0].Said != (c.own != "") {
		t.Errorf("%s over %s asks %+v, not %s", c.loose, c.own, config.Denied, c.asks)
	}
	if got, _ := load(c.loose, func(a Ask) bool { return a.String() == c.asks+"x" }); fmt.Sprint(got) != fmt.Sprint(own) {
		t.Errorf("consent to another value was taken for one to %s", c.loose)
	}
	got, config = load(c.loose, func(a Ask) bool { return a.String() == c.asks })
	if fmt.Sprint(got) == fmt.Sprint(own) || len(config.Denied) > 0 {
		t.Errorf("the control: with consent %s gives %v and asks %v", c.loose, got, config.Denied)
	}
}

// TestEditorWins: what the user's editor says is the user's last word.
func TestEditorWins(t *testing.T) {
	repo := write(t, ".headjack.yaml", "network: none\nports: [3000]\n")
	c, values, err := LoadConfig(Layers{RepoFile: repo, Editor: []byte(`{"network":"default","ports":[4000]}`)})
	if err != nil || c.Network != "default" || fmt.Sprint(c.Ports) != "[4000]" || len(c.Denied) > 0 {
		t.Errorf("%+v %v %v", c, values, err)
	}
}

// TestFolderIsTheRepositorys: what the editor has from a file of the folder is as little the user's as .headjack.yaml.
func TestFolderIsTheRepositorys(t *testing.T) {
	layers := Layers{
		UserFile: write(t, "config.yaml", "resources: {pids: 200}\n"), RepoFile: write(t, ".headjack.yaml", "image: debian:11\n"),
		Editor: []byte(`{"network":"none","image":"debian:12"}`),
		Folder: []byte(`{"network":"default","image":"debian:13","ports":[3000],"resources":{"pids":300,"memory":"1g"}}`),
	}
	c, _, err := LoadConfig(layers)
	if err != nil || c.Network != "none" || c.Image != "debian:13" || len(c.Ports) > 0 || c.Resources.Pids != 200 || c.Resources.Memory != 1<<30 {
		t.Errorf("%+v %v", c, err)
	}
	var asks []string
	for _, a := range c.Denied {
		asks = append(asks, fmt.Sprint(a, a.Said))
	}
	if got := strings.Join(asks, " "); got != "network=default true ports=3000 false resources.pids=300 true" {
		t.Error(got)
	}
	layers.Allowed = func(Ask) bool { return true }
	if c, _, err = LoadConfig(layers); err != nil || c.Network != "default" || len(c.Ports) != 1 || c.Resources.Pids != 300 {
		t.Errorf("the control: with consent %+v %v", c, err)
	}
}

// TestDocumentedDirections compares docs/configuration.md with the table.
func TestDocumentedDirections(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range schema.leaves("") {
		name := key
		if key == "agents" {
			name = "agents.NAME.command"
		}
		_, row, found := strings.Cut(string(text), "\n| `"+name+"` |")
		row, _, _ = strings.Cut(row, "\n")
		if want := strings.TrimPrefix(schema.at(key).stricter, "stricter: "); !found || !strings.Contains(row, "| "+want+" |") {
			t.Errorf("%s: docs/configuration.md does not say %q in its row:%s", key, want, row)
		}
	}
}
