import * as vscode from 'vscode';
import { headline } from './present';
import { codeOf, messageOf } from './protocol';

/** What helps, by `data.code` of an error. */
function helps(code: string): [string, string][] {
  switch (code) {
    case 'build_failed': return [[vscode.l10n.t('Show Build Log'), 'headjack.buildLog']];
    case 'engine_unreachable':
    case 'engine_failed': return [[vscode.l10n.t('Check Setup'), 'headjack.doctor']];
    case 'invalid_config': return [[vscode.l10n.t('Open Settings'), 'headjack.openSettings']];
    case 'untrusted_workspace': return [[vscode.l10n.t('Manage Trust'), 'workbench.trust.manage']];
    case 'agent_missing':
    case 'image_not_found':
    case 'image_unsupported':
    case 'dockerfile_not_found': return [[vscode.l10n.t('Choose Image'), 'headjack.chooseImage']];
    default: return [];
  }
}

/** Tells the user of a failure, and what can be done about it. */
export function report(err: unknown, log: vscode.LogOutputChannel): void {
  const message = messageOf(err);
  const code = codeOf(err);
  if (code === 'canceled' || err instanceof vscode.CancellationError) { // by the user, who knows
    log.info(message);
    return;
  }
  log.error(`${code === '' ? '' : `${code}: `}${message}`);
  const actions = [...helps(code), [vscode.l10n.t('Show Output'), 'headjack.showOutput'] as [string, string]];
  void vscode.window.showErrorMessage(`Headjack: ${headline(message)}`, ...actions.map(a => a[0])).then(async choice => {
    const chosen = actions.find(a => a[0] === choice);
    if (chosen) await vscode.commands.executeCommand(chosen[1]);
  });
}
