package agents

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// kept is what a removal keeps for some time of what only git in the container knows.
type kept struct{ workspace.Kept }

func (k kept) tell(res *RemoveResult) {
	for _, ref := range k.Refs {
		res.Kept = append(res.Kept, GitRef(ref))
	}
	if len(k.Refs) > 0 {
		res.KeptUntil = k.Until.Local().Format(time.DateOnly)
	}
	res.NotKept = k.Missed
}

// keep files what no reference of the host reaches in the trash. Where that fails, only a forced removal goes on.
func (r *removal) keep(ctx context.Context) (err error) {
	r.kept, err = r.m.keepRefs(ctx, r.private())
	if err != nil && !r.args.Force {
		return Errorf(CodeWorktreeFailed, "what only git in the container knows cannot be kept: %v; mend that, or remove it with --force", err)
	}
	if err != nil {
		r.kept.Missed = err.Error()
	}
	if n := len(r.kept.Refs); n > 0 {
		r.fb.step(fmt.Sprintf("keeping %d that only git in the container knows, such as %s", n, r.kept.Refs[0].Name))
	}
	if err := r.repo.EmptyTrash(ctx, time.Now()); err != nil {
		r.m.log.Warn("cannot empty the trash", zap.Error(err))
	}
	return nil
}

func (m *Manager) keepRefs(ctx context.Context, priv *workspace.Private) (kept, error) {
	return m.keptOf(ctx, priv, (*workspace.Private).Keep)
}

func (m *Manager) keptOf(ctx context.Context, priv *workspace.Private, keep func(*workspace.Private, context.Context) (workspace.Kept, error)) (kept, error) {
	if !priv.Exists() {
		return kept{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	k, err := keep(priv, ctx)
	if errors.Is(err, fs.ErrNotExist) && !priv.Exists() {
		err = nil // removed meanwhile
	}
	return kept{k}, err
}
