import * as vscode from 'vscode';
import { attachedTo, codeOf, messageOf, type Attached, type TerminalRequest } from './protocol';
import { plain } from './plain';
import { serverEnv, type Server } from './server';

const KEPT = 'headjack.terminals';

/** Terminals attached to sessions. They are opened again after the window was reloaded; closing one detaches. */
export class Terminals implements vscode.Disposable {
  private readonly open = new Map<string, { terminal: vscode.Terminal; kept: Attached }>();
  private readonly subscription: vscode.Disposable;
  private lost: Attached[]; // when the window went, and not attached again yet
  private restoring = false;

  constructor(private readonly memory: vscode.Memento, private readonly log: vscode.LogOutputChannel) {
    this.lost = memory.get<Attached[]>(KEPT) ?? [];
    this.subscription = vscode.window.onDidCloseTerminal(t => this.closed(t));
  }

  dispose(): void { this.subscription.dispose(); }

  /** Opens what an attached terminal is to show, or shows the one that does already. */
  show(r: TerminalRequest, kept?: Attached, focus = true): void {
    const id = r.argv.join('\n');
    const [shellPath = '', ...shellArgs] = r.argv;
    shellArgs.splice(shellArgs.indexOf('attach') + 1, 0, '--exit-zero'); // the editor shows any other as an error of its own
    const have = this.open.get(id);
    if (have) {
      have.terminal.show(!focus);
      return;
    }
    const terminal = vscode.window.createTerminal({
      name: plain(r.title), shellPath, shellArgs, cwd: r.cwd, iconPath: new vscode.ThemeIcon('vm'),
      isTransient: true, // the editor would start it without the server's knowledge; restore() does
      env: { DOCKER_HOST: serverEnv()['DOCKER_HOST'] ?? null },
    });
    this.open.set(id, { terminal, kept: kept ?? attachedTo(r) });
    this.save();
    terminal.show(!focus);
  }

  async attach(server: Server, kept: Attached, focus = true): Promise<void> {
    const a = await server.exec('hjk-ls.attach', kept);
    this.show({ title: `${a.branch}: ${a.session}`, argv: a.argv, cwd: a.cwd }, { ...kept, session: a.session }, focus);
  }

  /** Attaches again to what was attached when the window went. What no engine tells of is left for another time. */
  async restore(server: Server): Promise<void> {
    if (this.restoring) return;
    this.restoring = true;
    for (const kept of this.lost) {
      try {
        await this.attach(server, kept, false);
      } catch (e) {
        this.log.info(`not attached again to ${plain(kept.branch)} (${plain(kept.session)}): ${messageOf(e)} ${codeOf(e)}`);
        if (['', 'engine_unreachable'].includes(codeOf(e))) continue; // "" is that the server went
      }
      this.lost = this.lost.filter(k => k !== kept);
      this.save();
    }
    this.restoring = false;
  }

  private closed(t: vscode.Terminal): void {
    for (const [id, o] of this.open) {
      if (o.terminal !== t) continue;
      this.open.delete(id);
      if (t.exitStatus?.reason !== vscode.TerminalExitReason.Shutdown) this.save();
    }
  }

  private save(): void {
    void this.memory.update(KEPT, [...[...this.open.values()].map(o => o.kept), ...this.lost]);
  }
}
