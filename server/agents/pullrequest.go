package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// pullRequestBranch brings the branch of a pull request here, and gives its name. One from the repository itself keeps its name, so that a
// push goes back there; one from a fork, whose name is a stranger's, is pr/NUMBER.
func (m *Manager) pullRequestBranch(ctx context.Context, r *workspace.Repo, number int, fb Feedback) (string, error) {
	if number < 0 {
		return "", Errorf(CodeInvalidArgument, "pr: %d is no number of a pull request", number)
	}
	id := strconv.Itoa(number)
	fb.step("asking for pull request " + id)
	out, err := gh(ctx, r, "pr", "view", id, "--json", "headRefName,isCrossRepository,url")
	if err != nil {
		return "", err
	}
	var pr struct {
		HeadRefName       string
		IsCrossRepository bool
		URL               string
	}
	if err := json.Unmarshal([]byte(out), &pr); err != nil || pr.HeadRefName == "" {
		return "", Errorf(CodeGHFailed, "gh pr view %s: its answer is not understood", id)
	}
	own := pr.HeadRefName
	if pr.IsCrossRepository {
		own = ""
	}
	branch, err := r.FetchPullRequest(ctx, number, own, fb.Terminal)
	if err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	fb.step(fmt.Sprintf("pull request %s is branch %s (%s)", id, branch, pr.URL))
	return branch, nil
}
