import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import { label, lines, notice, plain } from '../plain';
import { codeOf, messageOf, type Commands, type Instance } from '../protocol';
import { currentBranch } from '../status';
import { choose, pickInstance } from './pick';

type MergeArgs = Commands['hjk-ls.merge'][0];

/** Merges what an agent did into the branch of a checkout that is open. */
export async function merge(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Merge');
  const i = await pickInstance(c, title, node, x => x.worktree !== undefined);
  const into = i && await pickCheckout(c, title, i);
  if (!i || !into) return;
  const how = await choose<Partial<MergeArgs>>([
    { label: '$(git-merge) ' + vscode.l10n.t('Merge'), description: vscode.l10n.t('its commits as they are'), value: {} },
    { label: '$(fold) ' + vscode.l10n.t('Squash'), description: vscode.l10n.t('one commit of all'), value: { squash: true } },
    { label: '$(git-commit) ' + vscode.l10n.t('Rebase'), description: vscode.l10n.t('its commits on top, without one for the merge'), value: { rebase: true } },
  ], title, vscode.l10n.t('How is {0} to come into {1}?', plain(i.branch), plain(into.branch)));
  if (!how) return;
  const args = { ...how, workspace: into.path, branch: i.branch };
  const done = await unlessItWorks(c, i, vscode.l10n.t('Merge Anyway'), now => c.server.exec('hjk-ls.merge', { ...args, ...now })).catch((e: unknown) => told(e));
  if (!done) return;
  for (const w of done.warnings ?? []) void vscode.window.showWarningMessage(`Headjack: ${notice(w)}`);
  const remove = vscode.l10n.t('Remove…');
  const text = done.commits === 1 ? vscode.l10n.t('1 commit of {0} is in {1}.', notice(i.branch), notice(done.into)) : vscode.l10n.t('{0} commits of {1} are in {2}.', done.commits, notice(i.branch), notice(done.into));
  void vscode.window.showInformationMessage(text, remove).then(choice => choice === remove && vscode.commands.executeCommand('headjack.remove', { kind: 'instance', instance: i }));
}

/** The checkout that takes what comes in: the one that is worked in, unless it is the agent's own. */
async function pickCheckout(c: Context, title: string, i: Instance): Promise<{ path: string; branch: string } | undefined> {
  const all = (c.state.snapshot?.folders ?? []).flatMap(f => f.repo === i.repo && f.path !== i.worktree && f.branch !== undefined && f.branch !== i.branch ? [{ path: f.path, branch: f.branch }] : []);
  const here = all.find(f => f.path === currentBranch(c.state).folder);
  if (here || all.length === 1) return here ?? all[0];
  if (all.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No checkout of another branch is open that {0} could be merged into.', notice(i.branch)));
    return undefined;
  }
  return choose(all.map(f => ({ label: label(f.branch), description: label(f.path), value: f })), title, vscode.l10n.t('Into which branch?'));
}

/** Pushes a branch, and makes a pull request of it where that is wanted. */
export async function push(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Push');
  const i = await pickInstance(c, title, node, x => x.worktree !== undefined);
  if (!i) return;
  const how = await choose([
    { label: '$(repo-push) ' + vscode.l10n.t('Push'), description: '', value: {} },
    { label: '$(git-pull-request) ' + vscode.l10n.t('Push and create a pull request'), description: vscode.l10n.t('by the GitHub command line, gh'), value: { pullRequest: true } },
  ], title, vscode.l10n.t('What is to become of {0}?', plain(i.branch)));
  if (!how) return;
  const args = { ...how, workspace: i.repo, branch: i.branch };
  const done = await unlessItWorks(c, i, vscode.l10n.t('Push Anyway'), now => c.server.exec('hjk-ls.push', { ...args, ...now }));
  if (!done) return;
  for (const w of done.warnings ?? []) void vscode.window.showWarningMessage(`Headjack: ${notice(w)}`);
  const address = done.pullRequest !== undefined && done.pullRequest.startsWith('https://') ? done.pullRequest : undefined;
  const open = vscode.l10n.t('Open');
  void vscode.window.showInformationMessage(vscode.l10n.t('{0} is pushed to {1}.', notice(i.branch), notice(done.remote)), ...(address === undefined ? [] : [open]))
    .then(choice => choice === open && address !== undefined && vscode.env.openExternal(vscode.Uri.parse(address)));
}

/** Does what is refused while an agent works, or while its commits are not all there, once the user has said so. */
async function unlessItWorks<T>(c: Context, i: Instance, anyway: string, f: (now: { now?: boolean }) => Promise<T>): Promise<T | undefined> {
  const asked = c.attention.ask();
  try {
    return await f({});
  } catch (e) {
    if (!['agent_working', 'not_synced'].includes(codeOf(e))) throw e;
    if (!await c.attention.welcome(asked, vscode.l10n.t('an agent still works on {0}.', notice(i.branch)))) return undefined;
    const sure = await vscode.window.showWarningMessage(vscode.l10n.t('{0} is not finished.', notice(i.branch)), { modal: true, detail: lines(messageOf(e)) }, anyway);
    return sure === anyway ? f({ now: true }) : undefined;
  }
}

/** Conflicts are left as git leaves them, and shown where the editor shows them. */
function told(e: unknown): undefined {
  if (codeOf(e) !== 'merge_conflict') throw e;
  const show = vscode.l10n.t('Show Conflicts');
  void vscode.window.showWarningMessage(`Headjack: ${notice(messageOf(e))}`, show).then(choice => choice === show && vscode.commands.executeCommand('workbench.view.scm'));
  return undefined;
}
