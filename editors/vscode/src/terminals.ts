import * as vscode from 'vscode';
import type { Attention } from './attention';
import { UNASKED, type Asked } from './late';
import { attachedTo, codeOf, messageOf, type Attached, type TerminalRequest } from './protocol';
import { notice, plain } from './plain';
import { serverEnv, type Server } from './server';

const KEPT = 'headjack.terminals';

/** Terminals attached to sessions. They are opened again after the window was reloaded; closing one detaches. */
export class Terminals implements vscode.Disposable {
  private readonly open = new Map<string, { terminal: vscode.Terminal; kept: Attached }>();
  private readonly subscription: vscode.Disposable;
  private lost: Attached[]; // when the window went, and not attached again yet
  private restoring = false;

  constructor(private readonly memory: vscode.Memento, private readonly log: vscode.LogOutputChannel, private readonly attention: Attention) {
    this.lost = memory.get<Attached[]>(KEPT) ?? [];
    this.subscription = vscode.window.onDidCloseTerminal(t => this.closed(t));
  }

  dispose(): void { this.subscription.dispose(); }

  /** Opens what an attached terminal is to show, or shows the one that does already. One that comes late is told. */
  show(r: TerminalRequest, asked: Asked, kept = attachedTo(r)): void {
    if (this.present(r, asked, kept) === 'focused') return;
    const show = vscode.l10n.t('Show');
    void vscode.window.showInformationMessage(`Headjack: ${vscode.l10n.t('{0} runs on {1}.', notice(kept.session), notice(kept.branch))}`, show).then(choice => {
      if (choice === show) this.present(r, this.attention.ask(), kept); // its terminal may have been closed meanwhile
    });
  }

  private present(r: TerminalRequest, asked: Asked, kept: Attached): 'focused' | 'not focused' {
    const id = r.argv.join('\n');
    let terminal = this.open.get(id)?.terminal;
    if (terminal === undefined) {
      terminal = this.create(r, asked);
      this.open.set(id, { terminal, kept });
      this.save();
    }
    return this.attention.present(terminal, asked);
  }

  private create(r: TerminalRequest, asked: Asked): vscode.Terminal {
    const [shellPath = '', ...shellArgs] = r.argv;
    shellArgs.splice(shellArgs.indexOf('attach') + 1, 0, '--exit-zero'); // the editor shows any other as an error of its own
    return vscode.window.createTerminal({
      name: plain(r.title), shellPath, shellArgs, cwd: r.cwd, iconPath: new vscode.ThemeIcon('vm'),
      isTransient: true, // the editor would start it without the server's knowledge; restore() does
      env: { DOCKER_HOST: serverEnv()['DOCKER_HOST'] ?? null },
      // Among the editors, where some users have their terminals, it would take the place of the one that is open.
      ...(this.attention.may(asked) ? {} : { location: vscode.TerminalLocation.Panel }),
    });
  }

  /** Attaches to a session that the user asked for. */
  async attach(server: Server, wanted: Attached, asked: Asked): Promise<void> {
    const { request, kept } = await commandOf(server, wanted);
    this.show(request, asked, kept);
  }

  /** Attaches again to what was attached when the window went. What no engine tells of is left for another time. */
  async restore(server: Server): Promise<void> {
    if (this.restoring) return;
    this.restoring = true;
    for (const kept of this.lost) {
      try {
        const c = await commandOf(server, kept);
        this.present(c.request, UNASKED, c.kept);
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

/** The command line that attaches to a session. */
async function commandOf(server: Server, wanted: Attached): Promise<{ request: TerminalRequest; kept: Attached }> {
  const a = await server.exec('hjk-ls.attach', wanted);
  return { request: { title: `${a.branch}: ${a.session}`, argv: a.argv, cwd: a.cwd }, kept: { ...wanted, session: a.session } };
}
