import * as vscode from 'vscode';
import { basename } from 'node:path';
import { label, plain } from './plain';
import type { Instance } from './protocol';
import { instanceIcon, stateWord } from './present';
import type { State } from './state';

/** The status bar: the instance of the branch that is checked out, and builds. */
export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('status', vscode.StatusBarAlignment.Left, 50);
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly state: State) {
    this.item.name = 'Headjack';
    this.item.command = 'headjack.menu';
    this.subscriptions = [state.onDidChange(() => this.update()), vscode.window.onDidChangeActiveTextEditor(() => this.update())];
    this.update();
    this.item.show();
  }

  dispose(): void {
    for (const s of this.subscriptions) s.dispose();
    this.item.dispose();
  }

  private update(): void {
    const { text, tooltip, problem } = this.words();
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: `Headjack: ${tooltip}` };
    this.item.backgroundColor = problem ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }

  private words(): { text: string; tooltip: string; problem?: boolean } {
    const build = this.state.builds[0];
    switch (this.state.view) {
      case 'starting': return { text: '$(loading~spin) Headjack', tooltip: vscode.l10n.t('The server starts') };
      case 'noServer': return { text: '$(error) Headjack', tooltip: vscode.l10n.t('The server does not run'), problem: true };
      case 'noRepository': return { text: '$(vm-outline) Headjack', tooltip: vscode.l10n.t('No git repository is open') };
      default: break;
    }
    if (build) return { text: '$(sync~spin) ' + vscode.l10n.t('Building {0}', label(basename(vscode.Uri.parse(build.uri).path))), tooltip: vscode.l10n.t('The image of {0} is built', plain(vscode.Uri.parse(build.uri).fsPath)) };
    if (this.state.snapshot?.engine.reachable === false) return { text: '$(warning) Headjack', tooltip: vscode.l10n.t('No container engine answers'), problem: true };
    const { branch, instance } = currentBranch(this.state);
    const { waiting, ended } = this.state.attention();
    const bell = waiting + ended > 0 ? ` $(bell-dot) ${waiting + ended}` : '';
    if (instance) return { text: `$(${instanceIcon(instance).id}) ${label(instance.branch)}: ${stateWord(instance)}${bell}`, tooltip: plain(instance.worktree ?? instance.branch) };
    const running = this.state.instances.filter(i => i.state === 'running').length;
    return {
      text: `$(vm-outline) Headjack: ${running}${bell}`,
      tooltip: running === 1 ? vscode.l10n.t('1 agent container runs; none for {0}', plain(branch)) : vscode.l10n.t('{0} agent containers run; none for {1}', running, plain(branch)),
    };
  }
}

/** The branch of the folder that is worked in, and its instance. */
export function currentBranch(state: State): { folder: string; branch: string; instance: Instance | undefined } {
  const folders = (state.snapshot?.folders ?? []).filter(f => f.repo);
  const file = vscode.window.activeTextEditor?.document.uri;
  const home = file && vscode.workspace.getWorkspaceFolder(file)?.uri.fsPath;
  const folder = folders.find(f => f.path === home) ?? folders[0];
  const branch = folder?.branch ?? '';
  const instance = state.instances.find(i => i.worktree === folder?.path) ?? state.find(folder?.repo ?? '', branch);
  return { folder: folder?.path ?? '', branch, instance };
}
