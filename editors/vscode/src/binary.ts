import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { homedir } from 'node:os';
import { l10n } from 'vscode';

export interface Place { bundled: string; setting: string; path: string; platform: NodeJS.Platform }

/** Finds the server: the setting, else the one that came with the extension, else one on PATH. */
export function findServer(p: Place): { file: string } | { problem: string } {
  const name = p.platform === 'win32' ? 'hjk-ls.exe' : 'hjk-ls';
  if (p.setting !== '') {
    const file = p.setting.startsWith('~/') ? join(homedir(), p.setting.slice(2)) : p.setting;
    if (!isAbsolute(file)) return { problem: l10n.t('The setting headjack.server.path is “{0}”, which is no absolute path.', p.setting) };
    const wrong = notRunnable(file, p.platform);
    return wrong === undefined ? { file } : { problem: l10n.t('The setting headjack.server.path names {0}, and {1}.', file, wrong) };
  }
  for (const dir of [p.bundled, ...p.path.split(delimiter).filter(isAbsolute)]) {
    const file = join(dir, name);
    if (notRunnable(file, p.platform) === undefined) return { file };
  }
  return { problem: l10n.t('The server hjk-ls came neither with this extension nor is it on PATH. Install the extension for your platform, or name the server in the setting headjack.server.path.') };
}

function notRunnable(file: string, platform: NodeJS.Platform): string | undefined {
  try {
    if (!statSync(file).isFile()) return l10n.t('that is no file');
    if (platform !== 'win32') accessSync(file, constants.X_OK);
    return undefined;
  } catch (e) {
    return e instanceof Error && 'code' in e && e.code === 'EACCES' ? l10n.t('it cannot be executed') : l10n.t('there is no such file');
  }
}
