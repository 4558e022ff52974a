import * as vscode from 'vscode';
import { readlink } from 'node:fs/promises';
import { cut, latest } from './present';
import type { Server } from './server';

/** Files as a commit has them, for the diff editor. */
export const BASE = 'headjack-base';
/** Where symbolic links lead: the editor would show what is there. */
export const LINK = 'headjack-link';
/** The output of a session. */
export const LOG = 'headjack-log';

interface BaseRef { workspace: string; commit: string; path: string }
interface LogRef { workspace: string; branch: string; session?: string }

/** The file as it was; file is where it is, or was, in the worktree: the editor takes another path for a renaming. */
export function baseUri(file: vscode.Uri, ref: BaseRef): vscode.Uri {
  return file.with({ scheme: BASE, query: JSON.stringify(ref) });
}

export function logUri(ref: LogRef): vscode.Uri {
  return vscode.Uri.from({ scheme: LOG, path: `/${ref.branch.replaceAll('/', '-')}${ref.session ? ' ' + ref.session : ''}.log`, query: JSON.stringify(ref) });
}

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registrations: vscode.Disposable[];

  constructor(private readonly server: Server) {
    this.registrations = [BASE, LINK, LOG].map(s => vscode.workspace.registerTextDocumentContentProvider(s, this));
  }

  dispose(): void {
    for (const r of this.registrations) r.dispose();
    this.changed.dispose();
  }

  /** Has an open document read again. */
  refresh(uri: vscode.Uri): void { this.changed.fire(uri); }

  async provideTextDocumentContent(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
    if (uri.scheme === LOG) {
      const ref = JSON.parse(uri.query) as LogRef;
      return latest(await this.server.exec('hjk-ls.logs', { ...ref, tail: -1 }, token));
    }
    if (uri.scheme === LINK) return readlink(uri.fsPath);
    const file = await this.server.exec('hjk-ls.file', JSON.parse(uri.query) as BaseRef, token);
    return file.binary === true ? vscode.l10n.t('(a binary file)') : cut(file);
  }
}
