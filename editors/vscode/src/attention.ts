import * as vscode from 'vscode';
import { Deeds, isTyping, type Asked } from './late';

/**
 * The one place that decides whether something may take the focus, or the place of what the user looks at.
 *
 * Whoever does something for the user that may take time asks for a mark when the user has said the last word, and shows the
 * result only as this class allows. What nobody asked for takes no focus at all.
 */
export class Attention implements vscode.Disposable {
  private readonly deeds = new Deeds();
  private readonly subscriptions: vscode.Disposable[];
  private readonly shown = new WeakSet<vscode.Terminal>(); // by us, which is no move of the user's
  private terminal = vscode.window.activeTerminal;
  private tab = vscode.window.tabGroups.activeTabGroup.activeTab;

  constructor() {
    const move = (): void => this.deeds.move(Date.now());
    const tabs = (): void => {
      const now = vscode.window.tabGroups.activeTabGroup.activeTab;
      if (now !== this.tab) move();
      this.tab = now;
    };
    this.subscriptions = [
      vscode.workspace.onDidChangeTextDocument(e => {
        if (isTyping({ scheme: e.document.uri.scheme, dirty: e.document.isDirty, empty: e.contentChanges.length === 0 })) this.deeds.deed();
      }),
      vscode.window.onDidChangeTextEditorSelection(e => {
        if (e.kind === vscode.TextEditorSelectionChangeKind.Keyboard || e.kind === vscode.TextEditorSelectionChangeKind.Mouse) move();
      }),
      vscode.window.onDidChangeNotebookEditorSelection(move),
      vscode.window.onDidChangeActiveTextEditor(e => { if (e) move(); }),
      vscode.window.tabGroups.onDidChangeTabs(tabs),
      vscode.window.tabGroups.onDidChangeTabGroups(tabs),
      vscode.window.onDidChangeActiveTerminal(t => this.changedTerminal(t)),
      vscode.window.onDidChangeTerminalState(move), // the user typed into one for the first time
      vscode.window.onDidChangeWindowState(s => { if (!s.focused) move(); }),
    ];
  }

  dispose(): void { for (const s of this.subscriptions) s.dispose(); }

  /** Another terminal is a move of the user's, unless we showed it or it is there because the one before ended. */
  private changedTerminal(t: vscode.Terminal | undefined): void {
    const before = this.terminal;
    this.terminal = t;
    if (t === undefined || this.shown.delete(t) || before !== undefined && before.exitStatus !== undefined) return;
    this.deeds.move(Date.now());
  }

  /** The user has said the last word for something that may take time. */
  ask(): Asked { return this.deeds.ask(Date.now()); }

  /** The user did something of which the editor tells nobody else. */
  deed(): void { this.deeds.deed(); }

  /** Whether what was asked for may take the focus now. */
  may(a: Asked): boolean { return !this.deeds.late(a, Date.now()); }

  /** Whether what was asked for may be shown now; what comes late is, once the user says so to a notification. */
  async welcome(a: Asked, what: string): Promise<boolean> {
    if (this.may(a)) return true;
    const show = vscode.l10n.t('Show');
    return await vscode.window.showInformationMessage(`Headjack: ${what}`, show) === show;
  }

  /** Shows a terminal: with the focus where it may take it, else beside it, unless another one is used, which it would hide. */
  present(t: vscode.Terminal, a: Asked): 'focused' | 'not focused' {
    const focus = this.may(a);
    const other = vscode.window.activeTerminal;
    const used = other !== undefined && other !== t && other.exitStatus === undefined && other.state.isInteractedWith;
    if (!focus && used) return 'not focused';
    if (other !== t) this.shown.add(t);
    t.show(!focus);
    return focus ? 'focused' : 'not focused';
  }
}
