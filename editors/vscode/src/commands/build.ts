import * as vscode from 'vscode';
import type { Context } from '../context';
import { chooseFrom, pickRepo, type Offer } from './pick';
import type { Check } from '../protocol';
import { label, notice } from '../plain';
import { imageProblem } from '../present';
import { currentBranch } from '../status';

/** The Dockerfile in the active editor, else the one the repository's settings name. */
async function subject(c: Context, title: string): Promise<{ workspace: string; dockerfile?: string } | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId === 'dockerfile' && document.uri.scheme === 'file') {
    return { workspace: vscode.workspace.getWorkspaceFolder(document.uri)?.uri.fsPath ?? document.uri.fsPath.replace(/[\\/][^\\/]*$/, ''), dockerfile: document.uri.fsPath };
  }
  const workspace = await pickRepo(c, title);
  return workspace === undefined ? undefined : { workspace };
}

export async function build(c: Context, noCache = false): Promise<void> {
  const what = await subject(c, vscode.l10n.t('Build Image'));
  if (what) await c.server.exec('hjk-ls.build', { ...what, noCache });
}

export async function buildLog(c: Context): Promise<void> {
  const what = await subject(c, vscode.l10n.t('Show Build Log'));
  if (what) await c.server.exec('hjk-ls.buildLog', { ...what, show: true });
}

/** Lets the user choose the image of the workspace. */
export async function chooseImage(c: Context): Promise<void> {
  const title = vscode.l10n.t('Choose Image');
  const workspace = await pickRepo(c, title);
  if (workspace === undefined) return;
  const icon = { default: 'package', reference: 'cloud', dockerfile: 'file-code' };
  const other = '\n';
  let image = await chooseFrom(c.server.exec('hjk-ls.choices', { workspace }).then(({ images }) => ({ items: [
    ...images.map((i, n) => ({ label: `$(${icon[i.source]}) ${label(i.image)}`, description: n === 0 ? vscode.l10n.t('used now') : '', value: i.image })),
    { label: '$(edit) ' + vscode.l10n.t('Another image or Dockerfile…'), description: '', value: other },
  ] })), title, vscode.l10n.t('What are agents’ containers made from?'));
  if (image === other) {
    image = await vscode.window.showInputBox({
      title, prompt: vscode.l10n.t('An image reference, or the path of a Dockerfile beginning with ./'), placeHolder: 'debian:12', ignoreFocusOut: true,
      validateInput: v => v === '' ? undefined : imageProblem(v),
    });
  }
  if (image === undefined || image === '') return;
  await vscode.workspace.getConfiguration('headjack').update('image', image, vscode.ConfigurationTarget.Workspace);
  void vscode.window.showInformationMessage(vscode.l10n.t('New containers are made from {0}. Running ones stay as they are until they are recreated.', notice(image)));
}

/** Checks what agents need, and shows what to mend. */
export async function doctor(c: Context): Promise<void> {
  const { folder } = currentBranch(c.state); // of several
  const found = c.server.exec('hjk-ls.doctor', folder === '' ? {} : { workspace: folder }).then(({ checks }) => findings(c, checks));
  const fix = await chooseFrom(found, vscode.l10n.t('Checking the setup'), '');
  if (!fix) return;
  await vscode.env.clipboard.writeText(fix);
  void vscode.window.showInformationMessage(vscode.l10n.t('Copied: {0}', notice(fix)));
}

function findings(c: Context, checks: Check[]): Offer<string> {
  for (const x of checks) c.log.info(`${x.ok ? 'ok' : 'NOT OK'} ${x.name}: ${x.detail}`); // a pick cuts long lines
  const bad = checks.filter(x => !x.ok).length;
  checks.sort((a, b) => Number(a.ok) - Number(b.ok));
  return {
    items: checks.map(x => ({
      label: `$(${x.ok ? 'pass' : 'error'}) ${label(x.name)}`, description: label(x.detail), ...(x.ok || !x.fix ? {} : { detail: `$(lightbulb) ${label(x.fix)}` }), value: x.ok ? '' : x.fix ?? '',
    })),
    title: bad === 0 ? vscode.l10n.t('Everything is ready') : vscode.l10n.t('Something is to be mended'),
    placeHolder: bad === 0 ? '' : vscode.l10n.t('Enter copies how a finding is mended'),
  };
}
