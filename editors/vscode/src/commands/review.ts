import * as vscode from 'vscode';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context';
import type { Node } from '../tree';
import type { Changes } from '../protocol';
import { baseUri, BYTES, LINK, logUri } from '../documents';
import { notice, plain } from '../plain';
import { pickInstance, pickSession } from './pick';

export async function logs(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Show Output of Session');
  const i = await pickInstance(c, title, node, x => x.sessions.length > 0);
  const s = i && await pickSession(i, title, node);
  if (!i || !s) return;
  const uri = logUri({ workspace: i.repo, branch: i.branch, session: s.name });
  c.documents.refresh(uri);
  const asked = c.attention.ask();
  const document = await vscode.workspace.openTextDocument(uri);
  if (!await c.attention.welcome(asked, vscode.l10n.t('the output of {0} on {1} is there.', notice(s.name), notice(i.branch)))) return;
  const editor = await vscode.window.showTextDocument(document, { preview: true });
  editor.revealRange(document.lineAt(document.lineCount - 1).range);
  c.state.markSeen(i.repo, i.branch);
}

/** Opens what a branch changed since it left its base, in the editor for several diffs. */
export async function showChanges(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Show Changes'), node, x => x.worktree !== undefined);
  if (!i) return;
  const asked = c.attention.ask();
  const changes = await c.server.exec('hjk-ls.changes', { workspace: i.repo, branch: i.branch });
  c.state.markSeen(i.repo, i.branch);
  const base = changes.base ?? changes.commit.slice(0, 10);
  if (changes.files.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('{0} has no changes against {1}.', notice(i.branch), notice(base)));
    return;
  }
  if (changes.more !== undefined && changes.more > 0) {
    void vscode.window.showWarningMessage(vscode.l10n.t('{0} has more changes than are shown: {1} files are left out.', notice(i.branch), changes.more));
  }
  if (!await c.attention.welcome(asked, vscode.l10n.t('the changes of {0} are there.', notice(i.branch)))) return;
  const resources = changes.files.map(f => sides(c, i.repo, changes, f));
  await vscode.commands.executeCommand('vscode.changes', vscode.l10n.t('{0} against {1}', plain(i.branch), plain(base)), resources);
}

function sides(c: Context, workspace: string, changes: Changes, f: Changes['files'][number]): [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined] {
  const file = vscode.Uri.file(join(changes.worktree, f.path));
  const path = f.from ?? f.path;
  const uri = f.from === undefined ? f.uri : f.fromUri;
  const before = baseUri(vscode.Uri.file(join(changes.worktree, path)), { workspace, commit: changes.commit, ...(uri === undefined ? { path } : { uri }) });
  return [file, f.status === 'added' ? undefined : before, f.status === 'deleted' ? undefined : f.uri === undefined ? now(c, file) : bytes(c, file, f.uri)];
}

/** A file as it is whose name is not UTF-8; file has a name for a person. */
function bytes(c: Context, file: vscode.Uri, uri: string): vscode.Uri {
  const exact = file.with({ scheme: BYTES, query: uri });
  c.documents.refresh(exact);
  return exact;
}

/** A file as it is. A symbolic link is where it leads, as for git: what is there was not changed, may be no file, or outside the worktree. */
function now(c: Context, file: vscode.Uri): vscode.Uri {
  if (lstatSync(file.fsPath, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return file;
  const link = file.with({ scheme: LINK });
  c.documents.refresh(link);
  return link;
}

export async function openWorktree(c: Context, node?: Node): Promise<void> {
  const path = await worktree(c, vscode.l10n.t('Open Worktree in New Window'), node);
  if (path !== undefined) await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(path), { forceNewWindow: true });
}

export async function addWorktree(c: Context, node?: Node): Promise<void> {
  const path = await worktree(c, vscode.l10n.t('Add Worktree to Workspace'), node);
  if (path === undefined) return;
  const uri = vscode.Uri.file(path);
  if (vscode.workspace.getWorkspaceFolder(uri)) {
    void vscode.window.showInformationMessage(vscode.l10n.t('{0} is in the workspace already.', notice(path)));
    return;
  }
  vscode.workspace.updateWorkspaceFolders(vscode.workspace.workspaceFolders?.length ?? 0, 0, { uri });
}

async function worktree(c: Context, title: string, node?: Node): Promise<string | undefined> {
  return (await pickInstance(c, title, node, x => x.worktree !== undefined))?.worktree;
}
