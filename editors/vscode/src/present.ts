// How things are worded and drawn. Pure, for the tests.
import { l10n } from 'vscode';
import { notice, plain } from './plain';
import type { BranchFate, Instance, Session, Snapshot, StockedImage } from './protocol';

/** An icon of VS Code's own, and a theme colour. */
export interface Icon { id: string; color?: string }

export function instanceIcon(i: Instance): Icon {
  switch (i.state) {
    case 'creating':
    case 'building': return { id: 'loading~spin' };
    case 'running': return i.sessions.some(needsUser) ? { id: 'bell-dot', color: 'charts.yellow' } : { id: 'vm-running', color: 'charts.green' };
    case 'failed': return { id: 'error', color: 'errorForeground' };
    case 'unknown': return { id: 'question' };
    case 'stopped': return { id: 'vm-outline' };
  }
}

export function stateWord(i: Instance): string {
  switch (i.state) {
    case 'creating': return l10n.t('starting');
    case 'building': return l10n.t('building');
    case 'running': return l10n.t('running');
    case 'failed': return l10n.t('failed');
    case 'unknown': return l10n.t('unknown');
    case 'stopped': return l10n.t('stopped');
  }
}

/** The image as a person names it. */
export function imageName(i: Instance): string {
  if (i.image.dockerfile) {
    const root = i.worktree ?? i.repo;
    return plain(i.image.dockerfile.startsWith(root + '/') ? i.image.dockerfile.slice(root.length + 1) : i.image.dockerfile);
  }
  return plain((i.image.ref ?? '').replace(/^docker\.io\/(library\/)?/, '').replace(/@sha256:([0-9a-f]{12})[0-9a-f]*$/, '@$1'));
}

export function instanceDescription(i: Instance): string {
  const words = [stateWord(i)];
  const waiting = i.sessions.filter(needsUser).length; // what needs the user first: narrow views cut the end
  if (waiting > 0) words.push(waiting === 1 ? l10n.t('1 agent waits for you') : l10n.t('{0} agents wait for you', waiting));
  if (i.setup) words.push(setupWord(i.setup));
  if (i.image.stale) words.push(l10n.t('stale'));
  if (i.git && i.git.state !== 'synced') words.push(i.git.state === 'held' ? l10n.t('git held') : l10n.t('git diverged'));
  if (imageName(i)) words.push(imageName(i));
  return words.join(' · ');
}

function setupWord(setup: NonNullable<Instance['setup']>): string {
  switch (setup) {
    case 'due': return l10n.t('setup is due');
    case 'running': return l10n.t('setup runs');
    case 'failed': return l10n.t('setup failed');
  }
}

/** Tokens for when-clauses of the menus. */
export function instanceContext(i: Instance): string {
  const words = ['instance', i.state];
  if (i.image.stale) words.push('stale');
  if (i.worktree) words.push('worktree');
  if (i.sessions.some(s => s.state === 'running')) words.push('sessions');
  if (i.sessions.some(s => s.comesBack)) words.push('comesBack');
  if (portsOf(i).length > 0) words.push('ports');
  if ((i.forwarded ?? []).length > 0) words.push('forwarded');
  return words.join(' ');
}

/** A port inside that can be opened: at host of this machine, or to be forwarded first. */
export interface OpenablePort { port: number; host?: number }

/** The ports of an instance, those that its settings publish first. */
export function portsOf(i: Instance): OpenablePort[] {
  const there: OpenablePort[] = [...i.ports ?? [], ...i.forwarded ?? []].map(({ port, host }) => ({ port, host }));
  const others = i.state === 'running' ? (i.listening ?? []).map(({ port }) => ({ port })) : [];
  return [...there, ...others].filter((p, at, all) => all.findIndex(q => q.port === p.port) === at);
}

export function sessionContext(s: Session): string { return `session ${s.state}${needsUser(s) ? ' waits' : ''}`; }

export function sessionIcon(s: Session): Icon {
  if (s.state === 'running') return needsUser(s) ? { id: 'bell-dot', color: 'charts.yellow' } : { id: 'terminal' };
  if (wasStopped(s)) return { id: 'circle-slash' };
  return s.exitCode ? { id: 'error', color: 'errorForeground' } : { id: 'pass' };
}

export function sessionDescription(s: Session): string {
  const words = s.agent === s.name ? [] : [plain(s.agent)];
  if (s.comesBack === true) words.push(l10n.t('comes back'));
  else if (s.state === 'exited') words.push(s.exitCode === undefined ? l10n.t('ended') : wasStopped(s) ? l10n.t('was stopped') : l10n.t('ended with {0}', s.exitCode));
  else words.push(needsUser(s) ? l10n.t('waits for you') : l10n.t('running'));
  if (s.attached) words.push(l10n.t('attached'));
  return words.join(' · ');
}

/** By somebody, with a hangup, an interrupt, or the two signals of a stop; other codes are the program's own. */
export function wasStopped(s: Session): boolean { return [129, 130, 137, 143].includes(s.exitCode ?? 0); }

/** A shell always waits, and its end is no news. */
export function isAgent(s: Session): boolean { return s.agent !== 'shell'; }

export function needsUser(s: Session): boolean { return isAgent(s) && s.state === 'running' && s.waiting; }

/** What stands in the Agents view instead of a tree. */
export type View = 'noServer' | 'starting' | 'noRepository' | 'noEngine' | 'empty' | 'ready';

export function viewOf(server: 'starting' | 'running' | 'failed', snapshot: Snapshot | undefined): View {
  if (server === 'failed') return 'noServer';
  if (!snapshot) return 'starting';
  if (snapshot.instances.length > 0) return 'ready';
  if (!snapshot.folders.some(f => f.repo)) return 'noRepository';
  return snapshot.engine.reachable ? 'empty' : 'noEngine';
}

/** Why git would not take a name as a branch (git check-ref-format), undefined if it would. */
export function branchProblem(name: string): string | undefined {
  if (name === '') return l10n.t('A branch needs a name.');
  if (/\s/.test(name)) return l10n.t('A branch name has no spaces.');
  // oxlint-disable-next-line no-control-regex
  const bad = /[\u0000-\u001f\u007f~^:?*[\\]/.exec(name);
  if (bad) return l10n.t('A branch name has no “{0}”.', bad[0]);
  if (name.startsWith('-')) return l10n.t('A branch name does not begin with “-”.');
  if (name === '@' || name === 'HEAD') return l10n.t('“{0}” means something else to git.', name);
  if (/^\/|\/$|\/\/|\.\.|@\{|\.$/.test(name) || name.split('/').some(p => p.startsWith('.') || p.endsWith('.lock'))) {
    return l10n.t('git would not take this name.');
  }
  return undefined;
}

/** Why a text names no image, undefined if it may: whether there is one the engine knows (distribution/reference). */
export function imageProblem(text: string): string | undefined {
  if (/\s/.test(text)) return l10n.t('There are no spaces in the name of an image.');
  if (/^(\.|\/|~)|Dockerfile|Containerfile/.test(text)) return undefined; // a file
  if (!/^[\w.:/@-]*$/.test(text)) return l10n.t('The name of an image has letters, digits and . _ - / : @ only.');
  const [name = '', digest] = text.split('@', 2);
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) return l10n.t('A digest is sha256: and 64 hexadecimal digits.');
  const repository = name.replace(/^[^/]*[.:][^/]*\/|^localhost\//, '').replace(/:[^/:]*$/, '');
  if (/[A-Z]/.test(repository)) return l10n.t('The name of an image is in lower case.');
  return undefined;
}

/** The first line of an error, for a notification; the rest goes to the log. */
export function headline(message: string): string {
  return notice(message.split('\n', 1)[0] ?? '');
}

/** What an image was asked for by, else a name it has. */
export function imageTitle(i: StockedImage): string {
  return plain(i.dockerfile?.replace(/^.*[\\/]/, '') ?? i.ref ?? i.names[0] ?? i.id.replace(/^sha256:/, '').slice(0, 12));
}

export function imageUsers(i: StockedImage): string {
  return plain(i.instances.map(u => u.branch).join(', '));
}

export function imagesToRemove(n: number): string {
  return n === 1 ? l10n.t('Remove 1 image that no container uses?') : l10n.t('Remove {0} images that no container uses?', n);
}

export function imagesRemoved(n: number): string {
  return n === 1 ? l10n.t('1 image was removed.') : l10n.t('{0} images were removed.', n);
}

/** A size for people; images have megabytes. */
export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

/** Lines of a list, as many as a dialog has room for, and how many it leaves out. */
export function indented(lines: string[], room: number): string {
  const more = lines.length - room;
  const shown = more > 0 ? [...lines.slice(0, room), l10n.t('… and {0} more', more)] : lines;
  return shown.map(l => `  ${plain(l)}`).join('\n');
}

/** What becomes of the branch when its instance is removed, and of its commits if it is deleted, too. */
export function branchStays(branch: string, fate: BranchFate | undefined): string {
  if (!fate) return '';
  const commits = fate.commits ?? [];
  const stays = l10n.t('The branch {0} stays.', plain(branch));
  if (commits.length === 0 || fate.deletable !== true) return stays;
  return stays + ' ' + l10n.t('If you delete it, too, these commits are on no other branch, and kept in refs/headjack/trash for 30 days:') + '\n' + indented(commits, 5);
}

/** A file with a word about what is left out of it. */
export function cut(file: { text: string; truncated?: boolean; sizeBytes?: number }): string {
  if (file.truncated !== true) return file.text;
  return file.text + l10n.t('… (the file is too long to be shown whole: it has {0})', megabytes(file.sizeBytes ?? 0)) + '\n';
}

/** Output with a word about what is left out of it. */
export function latest(log: { text: string; truncated?: boolean }): string {
  return log.truncated === true ? l10n.t('… (there was more, which is too long to be shown)') + '\n' + log.text : log.text;
}
