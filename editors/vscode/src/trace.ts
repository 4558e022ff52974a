import * as vscode from 'vscode';
import { setting } from './settings';

/** A channel that shows messages when headjack.trace.server asks for them. The client library traces only into a channel
 *  whose own level is Trace, which is another setting, of the editor, that nobody would look for. */
export function traceChannel(log: vscode.LogOutputChannel, levels: vscode.Event<void>): vscode.LogOutputChannel {
  const asked = (): boolean => setting('trace.server', 'off') !== 'off';
  return new Proxy(log, {
    get: (target, key) => {
      switch (key) {
        case 'logLevel': return asked() ? vscode.LogLevel.Trace : target.logLevel;
        case 'onDidChangeLogLevel': return (f: (level: vscode.LogLevel) => void) => levels(() => f(asked() ? vscode.LogLevel.Trace : target.logLevel));
        case 'trace': return (message: string) => asked() ? target.info(message) : target.trace(message);
        default: {
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) as unknown : value;
        }
      }
    },
  });
}
