import * as vscode from 'vscode';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { cut, latest } from './present';
import type { Server } from './server';

/** Files as a commit has them, for the diff editor. */
export const BASE = 'headjack-base';
/** Files as they are whose names are not UTF-8: the editor can name no such file. */
export const BYTES = 'headjack-bytes';
/** Where symbolic links lead: the editor would show what is there. */
export const LINK = 'headjack-link';
/** The output of a session. */
export const LOG = 'headjack-log';

interface BaseRef { workspace: string; commit: string; path?: string; uri?: string }
interface LogRef { workspace: string; branch: string; session?: string }

/** The file as it was; file is where it is, or was, in the worktree: the editor takes another path for a renaming. */
export function baseUri(file: vscode.Uri, ref: BaseRef): vscode.Uri {
  return file.with({ scheme: BASE, query: JSON.stringify(ref) });
}

export function logUri(ref: LogRef): vscode.Uri {
  return vscode.Uri.from({ scheme: LOG, path: `/${ref.branch.replaceAll('/', '-')}${ref.session ? ' ' + ref.session : ''}.log`, query: JSON.stringify(ref) });
}

/** The name in a file: URI, byte by byte: vscode.Uri takes what is not UTF-8 for the text of its escape. */
export function bytesOf(uri: string): Buffer {
  const path = uri.replace(/^file:\/\/[^/]*/, '');
  return Buffer.concat(path.split(/(%[0-9A-Fa-f]{2})/).map(part => /^%[0-9A-Fa-f]{2}$/.test(part) ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part)));
}

/** As much of a file as a diff shows. An agent may have put anything there. */
async function current(path: Buffer): Promise<string> {
  const is = await lstat(path);
  if (is.isSymbolicLink()) return readlink(path);
  if (!is.isFile() || is.size > 16 << 20) return vscode.l10n.t('(a file that is not shown)');
  const bytes = await readFile(path);
  return bytes.includes(0) ? vscode.l10n.t('(a binary file)') : bytes.toString();
}

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registrations: vscode.Disposable[];

  constructor(private readonly server: Server) {
    this.registrations = [BASE, BYTES, LINK, LOG].map(s => vscode.workspace.registerTextDocumentContentProvider(s, this));
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
    if (uri.scheme === BYTES) return current(bytesOf(uri.query));
    const file = await this.server.exec('hjk-ls.file', JSON.parse(uri.query) as BaseRef, token);
    return file.binary === true ? vscode.l10n.t('(a binary file)') : cut(file);
  }
}
