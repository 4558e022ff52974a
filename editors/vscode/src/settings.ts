import * as vscode from 'vscode';

/** Settings of the extension itself, which the server does not know. */
export const OWN = ['server.path', 'engine.host', 'trace.server', 'codeLens.enabled', 'inlayHints.enabled', 'hover.enabled', 'diagnostics.enabled', 'codeActions.enabled'];

export function setting<T>(name: string, fallback: T): T {
  return vscode.workspace.getConfiguration('headjack').get<T>(name) ?? fallback;
}

export interface Inspected { workspaceFolderValue?: unknown; workspaceValue?: unknown; globalValue?: unknown }

/** The settings that somebody has set, as an object with the keys of .headjack.yaml: a default of the editor must not win
 *  over the repository's file. Those of the folder or the workspace lie in a file that an agent can write: they are apart. */
export function explicit(names: string[], inspect: (name: string) => Inspected | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const folder: Record<string, unknown> = {};
  for (const name of names) {
    if (OWN.includes(name)) continue;
    const i = inspect(name);
    put(out, name, i?.globalValue);
    put(folder, name, i?.workspaceFolderValue ?? i?.workspaceValue);
  }
  return Object.keys(folder).length > 0 ? { ...out, folder } : out;
}

function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined || value === null || value === '') return;
  const path = name.split('.');
  let at = into;
  for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[path.at(-1) ?? name] = value;
}

/** What the server is told under "headjack". */
export function serverSettings(extension: vscode.Extension<unknown>): Record<string, unknown> {
  const manifest = extension.packageJSON as { contributes: { configuration: { properties: Record<string, unknown> }[] } };
  const names = manifest.contributes.configuration.flatMap(c => Object.keys(c.properties)).map(n => n.replace(/^headjack\./, ''));
  const config = vscode.workspace.getConfiguration('headjack');
  return explicit(names, name => config.inspect(name));
}
