import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import { lines, notice, plain } from '../plain';
import { codeOf, messageOf } from '../protocol';
import { branchStays, indented } from '../present';
import { pickInstance, pickSession } from './pick';

export async function attach(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Attach');
  const i = await pickInstance(c, title, node, x => x.sessions.some(s => s.state === 'running'));
  const s = i && await pickSession(i, title, node, x => x.state === 'running');
  if (!i || !s) return;
  await c.terminals.attach(c.server, { workspace: i.repo, branch: i.branch, session: s.name }, c.attention.ask());
  c.state.markSeen(i.repo, i.branch);
}

export async function stop(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Stop'), node, x => x.state === 'running');
  if (!i) return;
  const { instance } = await c.server.exec('hjk-ls.stop', { workspace: i.repo, branch: i.branch });
  c.state.markEnded(instance);
}

export async function kill(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('End Session');
  const i = await pickInstance(c, title, node, x => x.sessions.some(s => s.state === 'running'));
  const s = i && await pickSession(i, title, node, x => x.state === 'running');
  if (!i || !s) return;
  const end = vscode.l10n.t('End Session');
  const sure = await vscode.window.showWarningMessage(vscode.l10n.t('End {0} on {1}?', notice(s.name), notice(i.branch)), {
    modal: true, detail: vscode.l10n.t('Its program is ended. Worktree, container and other sessions stay.'),
  }, end);
  if (sure !== end) return;
  const { instance } = await c.server.exec('hjk-ls.kill', { workspace: i.repo, branch: i.branch, session: s.name });
  c.state.markEnded(instance);
}

export async function recreate(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Recreate Container'), node);
  if (!i) return;
  const args = { workspace: i.repo, branch: i.branch };
  const asked = c.attention.ask();
  const result = await c.server.exec('hjk-ls.recreate', args).catch(async (e: unknown) => {
    if (codeOf(e) !== 'worktree_dirty') throw e;
    if (!await c.attention.welcome(asked, vscode.l10n.t('to recreate {0} would lose work. It is done when you have seen which.', notice(i.branch)))) return undefined;
    const button = vscode.l10n.t('Delete Work and Recreate');
    const detail = lines(messageOf(e));
    if (await vscode.window.showWarningMessage(vscode.l10n.t('Recreate the container of {0}?', notice(i.branch)), { modal: true, detail }, button) !== button) return undefined;
    return c.server.exec('hjk-ls.recreate', { ...args, force: true });
  });
  for (const w of result?.warnings ?? []) void vscode.window.showWarningMessage(`Headjack: ${notice(w)}`);
}

/** Removes an instance, after naming what would be lost with it. */
export async function remove(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Remove'), node);
  if (!i) return;
  const args = { workspace: i.repo, branch: i.branch };
  const asked = c.attention.ask();
  const { lost, ignored, branch } = await c.server.exec('hjk-ls.remove', { ...args, dryRun: true });
  if (!await c.attention.welcome(asked, vscode.l10n.t('what goes with {0} is known. It is removed when you have seen it.', notice(i.branch)))) return;
  const works = i.sessions.filter(s => s.state === 'running').map(s => s.name);
  const detail = [
    works.length > 0 ? vscode.l10n.t('Still running, and ended with it: {0}.', plain(works.join(', '))) : '',
    i.ownsWorktree ? vscode.l10n.t('The container, its home, its logs and the worktree {0} are deleted.', plain(i.worktree ?? ''))
      : vscode.l10n.t('The container, its home and its logs are deleted. The worktree is your own and stays.'),
    branchStays(i.branch, branch),
    lost ? vscode.l10n.t('This work is nowhere else and will be LOST:') + '\n' + lines(lost) : '',
    ignored?.length && !lost ? // beside what is lost they are named already
      vscode.l10n.t('Ignored files that go too:') + '\n' + indented(ignored, 10) : '',
  ].filter(d => d !== '').join('\n\n');
  const button = lost ? vscode.l10n.t('Delete Work and Remove') : vscode.l10n.t('Remove');
  const too = branch?.deletable === true ? [lost ? vscode.l10n.t('Delete Work and Branch') : vscode.l10n.t('Delete Branch, Too')] : [];
  const chosen = await vscode.window.showWarningMessage(vscode.l10n.t('Remove {0}?', notice(i.branch)), { modal: true, detail }, button, ...too);
  if (chosen === undefined) return;
  const deleteBranch = chosen !== button;
  // By force only where all that is lost was named: a commit of the branch that came since makes the server refuse.
  const force = Boolean(lost) || deleteBranch && (branch?.commits?.length ?? 0) > 0;
  const done = await c.server.exec('hjk-ls.remove', { ...args, force, deleteBranch });
  if (deleteBranch && done.branch?.deleted === false) {
    void vscode.window.showWarningMessage(vscode.l10n.t('The branch {0} stays: {1}', notice(i.branch), notice(done.branch.why ?? '')));
  }
}
