import type * as vscode from 'vscode';
import type { Attention } from './attention';
import type { Documents } from './documents';
import type { Server } from './server';
import type { State } from './state';
import type { Terminals } from './terminals';

/** What the commands work with. */
export interface Context {
  server: Server;
  attention: Attention;
  state: State;
  terminals: Terminals;
  documents: Documents;
  log: vscode.LogOutputChannel;
}
