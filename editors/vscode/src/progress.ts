import * as vscode from 'vscode';
import { notice } from './plain';
import type { Middleware } from 'vscode-languageclient/node';

/** Work that ends sooner shows nothing. */
const PATIENCE = 400;

type Handler = NonNullable<Middleware['handleWorkDoneProgress']>;

/** Shows the server's work-done progress as notifications with Cancel; the client library's own has none. */
export class Progress implements vscode.Disposable {
  private readonly running = new Map<string | number, Work>();

  constructor(private readonly cancel: (token: string | number) => void) {}

  readonly handle: Handler = (token, params) => {
    switch (params.kind) {
      case 'begin':
        this.running.get(token)?.end();
        this.running.set(token, new Work(short(params.title), () => this.cancel(token), params));
        break;
      case 'report':
        this.running.get(token)?.report(params);
        break;
      case 'end':
        this.running.get(token)?.end();
        this.running.delete(token);
        break;
    }
  };

  /** Ends all of them: the server is gone. */
  clear(): void {
    for (const w of this.running.values()) w.end();
    this.running.clear();
  }

  dispose(): void { this.clear(); }
}

/** A title names files by their whole path, which a notification cuts. */
function short(title: string): string {
  return notice(title.replace(/(?<= )\/.*$/, path => vscode.workspace.asRelativePath(path, false)));
}

interface Report { message?: string; percentage?: number }

class Work {
  private readonly timer: NodeJS.Timeout;
  private last: Report;
  private shown = 0; // per cent
  private show: ((r: Report) => void) | undefined;
  private finish: (() => void) | undefined;

  constructor(private readonly title: string, private readonly cancel: () => void, begin: Report) {
    this.last = begin;
    this.timer = setTimeout(() => this.open(), PATIENCE);
  }

  private open(): void {
    const options = { location: vscode.ProgressLocation.Notification, title: this.title, cancellable: true };
    void vscode.window.withProgress(options, (progress, token) => new Promise<void>(resolve => {
      this.finish = resolve;
      this.show = r => {
        const increment = Math.max(0, (r.percentage ?? 0) - this.shown);
        this.shown += increment;
        progress.report({ ...(r.message === undefined ? {} : { message: notice(r.message) }), ...(increment > 0 ? { increment } : {}) });
      };
      this.show(this.last);
      token.onCancellationRequested(this.cancel); // the server ends it when it has stopped
    }));
  }

  report(r: Report): void {
    this.last = r;
    this.show?.(r);
  }

  end(): void {
    clearTimeout(this.timer);
    this.finish?.();
  }
}
