import * as vscode from 'vscode';
import { AgentsView } from './agents';
import { register } from './commands';
import { Documents } from './documents';
import { notice } from './plain';
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
  const terminals = new Terminals(context.workspaceState, log);
  const server = new Server(context, state, log, r => terminals.show(r));
  const documents = new Documents(server);
  running = server;
  context.subscriptions.push(
    log, state, terminals, server, documents, new AgentsView(state), new Status(state),
    ...register({ server, state, terminals, documents, log }),
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
