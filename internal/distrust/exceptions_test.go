package distrust

// exception is what one file of the rooms reaches by name, and why that is not in an agent's hands.
type exception struct{ functions, cause string }

// Causes that many files have.
const (
	state    = "the state folder of hjk-ls, which no container has"
	gitDir   = "the repository's own git directory, which no container has, or only to read"
	ours     = "the private git directory's half that is ours, which no container has"
	holds    = "holds the folder itself, which no agent can replace: it is a mount point, or lies in the state folder"
	onlyStat = "asks only whether something is there; what is opened later is looked at again"
)

var exceptions = map[string]exception{
	"container/create.go":             {"mount.Mount", "the one place that mounts for agents: sources are located, and compared after the start"},
	"container/own.go":                {"mount.Mount", "its source is located; the container has no network and runs the helper alone"},
	"container/discover.go":           {"os.Stat", "sockets of engines"},
	"container/install.go":            {"os.Stat", state},
	"container/sight.go":              {"mount.Mount os.Stat", "asks for containers that cannot be made"},
	"container/logs.go":               {"os.OpenRoot", holds},
	"container/podman.go":             {"os.RemoveAll", "a temporary folder of this process"},
	"container/rundir.go":             {"os.OpenRoot", holds},
	"container/shim/embed/compile.go": {"os.ReadFile os.RemoveAll", "a temporary folder of this process"},
	"images/consent.go":               {"os.ReadFile", state},
	"images/devcontainer.go":          {"os.OpenRoot", holds},
	"images/source.go":                {"os.Stat", onlyStat},
	"images/tree.go":                  {"os.OpenRoot", holds},
	"server/agents/build.go":          {"os.ReadFile", state},
	"server/agents/certificates.go":   {"os.OpenRoot os.Stat", state},
	"server/agents/credentials.go":    {"os.Stat", "the socket of the user's ssh agent"},
	"server/agents/ledger.go":         {"os.ReadFile os.WriteFile", state},
	"server/agents/lock.go":           {"os.OpenFile os.Stat", state},
	"server/agents/doctor.go":         {"os.Stat", "the folder that worktrees are made in"},
	"server/agents/elsewhere.go":      {"os.Stat", onlyStat},
	"server/agents/exchange.go":       {"os.ReadFile os.WriteFile", state},
	"server/agents/paths.go":          {"os.ReadDir os.ReadFile os.RemoveAll os.Stat", state},
	"server/agents/ports.go":          {"os.ReadFile", state},
	"server/agents/question.go":       {"os.ReadFile os.WriteFile", state},
	"server/agents/setup_record.go":   {"os.ReadFile", state},
	"server/agents/recreate.go":       {"os.Stat", onlyStat},
	"server/agents/init.go":           {"os.OpenRoot", holds},
	"server/agents/lookout.go":        {"os.ReadDir os.ReadFile os.WriteFile", state},
	"server/agents/own.go":            {"os.OpenRoot", holds},
	"server/builds/decide.go":         {"os.Stat", onlyStat},
	"server/builds/job.go":            {"os.OpenFile", state},
	"server/builds/store.go":          {"filepath.Glob os.ReadDir os.ReadFile os.Stat", state},
	"workspace/discard.go":            {"os.OpenRoot", holds},
	"workspace/ensure.go":             {"os.RemoveAll os.WriteFile", gitDir},
	"workspace/filter_rules.go":       {"os.OpenRoot os.RemoveAll", ours},
	"workspace/git_guard.go":          {"os.OpenRoot", holds},
	"workspace/ignore.go":             {"os.Stat", onlyStat},
	"workspace/include.go":            {"os.OpenRoot", holds},
	"workspace/inner.go":              {"os.OpenRoot", holds},
	"workspace/inner_commits.go":      {"os.ReadFile os.RemoveAll os.WriteFile", ours},
	"workspace/inner_files.go":        {"os.RemoveAll os.WriteFile", ours},
	"workspace/outside.go":            {"os.OpenRoot os.RemoveAll", ours},
	"workspace/forlorn.go":            {"os.ReadFile", ours},
	"workspace/lock.go":               {"os.OpenFile", gitDir},
	"workspace/nested.go":             {"os.ReadFile", ours},
	"workspace/private.go":            {"os.OpenFile os.OpenRoot os.ReadDir os.ReadFile os.RemoveAll os.Stat os.WriteFile", ours + "; the agent's half before it has one, and " + gitDir},
	"workspace/private_binds.go":      {"os.Stat", gitDir},
	"workspace/private_host.go":       {"os.OpenRoot", holds},
	"workspace/private_known.go":      {"os.OpenRoot", holds},
	"workspace/private_mend.go":       {"os.OpenRoot", holds},
	"workspace/private_modules.go":    {"filepath.WalkDir os.OpenRoot os.WriteFile", gitDir + ", and ours"},
	"workspace/private_objects.go":    {"os.OpenRoot", ours},
	"workspace/private_refs.go":       {"os.ReadFile os.WriteFile", ours},
	"workspace/private_state.go":      {"os.OpenFile os.ReadFile", ours},
	"workspace/repo.go":               {"os.OpenRoot os.Stat", holds + "; " + onlyStat},
	"workspace/shield.go":             {"os.OpenRoot", holds},
	"workspace/stamp.go":              {"os.OpenRoot os.ReadDir", holds + "; " + gitDir},
	"workspace/show.go":               {"os.ReadFile os.RemoveAll os.WriteFile", gitDir + "; a temporary folder of this process"},
	"workspace/sync.go":               {"os.OpenRoot", holds},
	"workspace/sync_index.go":         {"os.ReadFile os.RemoveAll os.WriteFile", ours},
	"workspace/sync_retry.go":         {"os.OpenFile", ours},
	"workspace/sync_vet.go":           {"os.WriteFile", ours},
	"workspace/trash.go":              {"os.OpenRoot", holds},
	"workspace/trash_lost.go":         {"os.RemoveAll os.WriteFile", ours},
	"workspace/unsaved.go":            {"os.OpenRoot os.Stat", holds + "; " + onlyStat},
	"workspace/watcher.go":            {"os.Stat", onlyStat},
	"workspace/worktree.go":           {"os.OpenFile os.ReadDir os.ReadFile os.Stat", gitDir + "; the .git file is opened without waiting, and looked at"},
}
