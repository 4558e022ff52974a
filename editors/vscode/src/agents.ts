import * as vscode from 'vscode';
import { basename } from 'node:path';
import { plain } from './plain';
import type { Instance } from './protocol';
import { instanceContext, instanceDescription, instanceIcon, sessionContext, sessionDescription, sessionIcon, stateWord, type Icon } from './present';
import type { State } from './state';
import { Tree, type Row } from './tree';

/** The Agents view. */
export class AgentsView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Row[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Row>;
  private readonly subscription: vscode.Disposable;
  private readonly tree = new Tree();

  constructor(private readonly state: State) {
    this.tree.update(state.instances);
    this.view = vscode.window.createTreeView('headjack.agents', { treeDataProvider: this, showCollapseAll: true });
    this.subscription = vscode.Disposable.from(state.onDidChange(() => this.update()), vscode.workspace.onDidGrantWorkspaceTrust(() => this.update()));
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
    this.changed.dispose();
  }

  private update(): void {
    const { waiting, ended } = this.state.attention();
    const words = [
      waiting === 0 ? '' : waiting === 1 ? vscode.l10n.t('1 agent waits for you') : vscode.l10n.t('{0} agents wait for you', waiting),
      ended === 0 ? '' : ended === 1 ? vscode.l10n.t('1 agent ended') : vscode.l10n.t('{0} agents ended', ended),
    ].filter(w => w !== '');
    this.view.badge = waiting + ended > 0 ? { value: waiting + ended, tooltip: words.join(', ') } : undefined;
    this.view.message = this.message();
    const rows = this.tree.update(this.state.instances);
    if (rows === 'all') this.changed.fire(undefined);
    else if (rows.length > 0) this.changed.fire(rows);
  }

  /** What stands above the tree, where there is one. */
  private message(): string {
    if (this.state.view !== 'ready') return '';
    if (!vscode.workspace.isTrusted) return vscode.l10n.t('This folder is not trusted, so nothing is built or run in it.');
    if (this.state.snapshot?.engine.reachable === false) return vscode.l10n.t('No container engine answers: states are unknown. Start Docker or Podman.');
    return '';
  }

  getChildren(node?: Row): Row[] { return this.tree.children(node); }

  getTreeItem(node: Row): vscode.TreeItem {
    switch (node.kind) {
      case 'repo': return repoItem(node);
      case 'instance': return instanceItem(node.id, node.instance);
      case 'session': return sessionItem(node);
    }
  }
}

function repoItem(node: Extract<Row, { kind: 'repo' }>): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(basename(node.repo)), vscode.TreeItemCollapsibleState.Expanded);
  item.id = node.id;
  item.iconPath = new vscode.ThemeIcon('repo');
  item.tooltip = plain(node.repo);
  item.contextValue = 'repo';
  return item;
}

function instanceItem(id: string, i: Instance): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(i.branch), i.sessions.length > 0 ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None);
  item.id = id;
  item.description = instanceDescription(i);
  item.iconPath = themeIcon(instanceIcon(i));
  item.contextValue = instanceContext(i);
  item.tooltip = instanceTooltip(i);
  item.accessibilityInformation = { label: `${plain(i.branch)}, ${item.description}` };
  return item;
}

function instanceTooltip(i: Instance): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const row = (name: string, value: string | undefined): void => {
    if (value) text.appendText(`${name}: ${plain(value)}`).appendMarkdown('  \n');
  };
  row(vscode.l10n.t('Branch'), i.branch);
  row(vscode.l10n.t('State'), stateWord(i));
  row(vscode.l10n.t('Image'), i.image.dockerfile ?? i.image.ref);
  if (i.image.stale) text.appendText(vscode.l10n.t('A newer image was built. Recreate the container to use it.')).appendMarkdown('  \n');
  row(vscode.l10n.t('Container'), i.container?.name);
  row(vscode.l10n.t('Worktree'), i.worktree);
  row(vscode.l10n.t('Ports'), (i.ports ?? []).map(p => `${p.port} → ${p.url}`).join(', '));
  row('git', i.git?.message);
  return text;
}

function sessionItem(node: Extract<Row, { kind: 'session' }>): vscode.TreeItem {
  const { session: s } = node;
  const item = new vscode.TreeItem(plain(s.name), vscode.TreeItemCollapsibleState.None);
  item.id = node.id;
  item.description = sessionDescription(s);
  item.iconPath = themeIcon(sessionIcon(s));
  item.contextValue = sessionContext(s);
  item.accessibilityInformation = { label: `${plain(s.name)}, ${item.description}` };
  item.command = s.state === 'running'
    ? { command: 'headjack.attach', title: vscode.l10n.t('Attach'), arguments: [node] }
    : { command: 'headjack.logs', title: vscode.l10n.t('Show Output of Session'), arguments: [node] };
  return item;
}

function themeIcon(icon: Icon): vscode.ThemeIcon {
  return new vscode.ThemeIcon(icon.id, icon.color === undefined ? undefined : new vscode.ThemeColor(icon.color));
}
