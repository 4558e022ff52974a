import * as vscode from 'vscode';
import { AgentsView } from './agents';
import { Attention } from './attention';
import { register } from './commands';
import { runFromLens } from './commands/run';
import type { Context } from './context';
import { Documents } from './documents';
import { notice } from './plain';
import { UNASKED } from './late';
import { Server } from './server';
import { OWN } from './settings';
import { State, type Ended } from './state';
import { Status } from './status';
import { Terminals } from './terminals';
import type { Node } from './tree';

let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Headjack', { log: true });
  const state = new State(context.workspaceState);
  const attention = new Attention();
  const terminals = new Terminals(context.workspaceState, log, attention);
  const server: Server = new Server(context, state, log, attention, {
    openTerminal: r => terminals.show(r, UNASKED), // what we ask for we attach to ourselves
    run: args => runFromLens(all, args),
  });
  const documents = new Documents(server);
  const all: Context = { server, attention, state, terminals, documents, log };
  running = server;
  context.subscriptions.push(
    log, state, attention, terminals, server, documents, new AgentsView(state), new Status(state),
    ...register(all),
    state.onDidChange(() => { if (state.snapshot?.engine.reachable === true) void terminals.restore(server); }),
    state.onDidFail(tellFailure),
    vscode.workspace.onDidGrantWorkspaceTrust(() => server.trust()),
    vscode.workspace.onDidChangeConfiguration(e => {
      if (['server', 'engine'].some(name => e.affectsConfiguration(`headjack.${name}`))) void server.restart();
      else if (e.affectsConfiguration('headjack')) {
        if (OWN.some(name => e.affectsConfiguration(`headjack.${name}`))) server.refresh();
        server.configure();
      }
    }),
  );
  void server.start(); // the editor does not wait for it
}

/** Its terminal is gone, and with it what it said. */
async function tellFailure({ i, s }: Ended): Promise<void> {
  const output = vscode.l10n.t('Show Output of Session');
  const text = vscode.l10n.t('{0} on {1} ended with exit code {2}.', notice(s.name), notice(i.branch), s.exitCode ?? '');
  if (await vscode.window.showWarningMessage(`Headjack: ${text}`, output) !== output) return;
  await vscode.commands.executeCommand('headjack.logs', { kind: 'session', instance: i, session: s } satisfies Node);
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}
