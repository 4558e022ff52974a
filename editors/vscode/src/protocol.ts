// The part of docs/protocol.md that the extension uses.
import { l10n } from 'vscode';

/** What this extension needs of a server: `capabilities.experimental.headjack.protocol`. */
export const PROTOCOL = 1;

export type InstanceState = 'creating' | 'building' | 'running' | 'stopped' | 'failed' | 'unknown';

export interface Session {
  name: string;
  agent: string;
  state: 'running' | 'exited';
  exitCode?: number;
  attached: boolean;
  createdAt: string;
  lastUsed: string;
  waiting: boolean;
  /** Its container ended under it, and hjk-ls.start has it go on. */
  comesBack?: boolean;
}

/** A port inside that is published on the host's loopback. */
export interface Port { port: number; host: number; url: string }

export interface Instance {
  repo: string;
  branch: string;
  worktree?: string;
  ownsWorktree: boolean;
  state: InstanceState;
  image: { source?: string; ref?: string; id?: string; dockerfile?: string; stale: boolean };
  container?: { id: string; name: string; state: string; startedAt?: string; exitCode?: number };
  sessions: Session[];
  /** While the setup has not ended well. */
  setup?: 'due' | 'running' | 'failed';
  ports?: Port[];
  /** What something inside listens on and is not published. The agent can write what it likes there. */
  listening?: { port: number; loopback?: boolean }[];
  /** What this server forwards. */
  forwarded?: Port[];
  git?: { state: 'synced' | 'diverged' | 'held'; message?: string };
}

export interface Folder { path: string; repo?: string; branch?: string; message?: string }

/** The parameter of hjk/instances. */
export interface Snapshot {
  instances: Instance[];
  folders: Folder[];
  engine: { reachable: boolean; message?: string };
}

/** The parameter of hjk/build. */
export interface BuildEvent {
  uri: string;
  branch?: string;
  state: 'running' | 'succeeded' | 'failed' | 'canceled';
  image?: string;
  durationMs?: number;
  error?: string;
}

/** The parameter of hjk/openTerminal. */
export interface TerminalRequest { title: string; argv: string[]; cwd: string }

export interface Attached { workspace: string; branch: string; session: string }

/** What an hjk/openTerminal request attaches to, from the end of its command line: -- BRANCH SESSION. */
export function attachedTo(r: TerminalRequest): Attached {
  const [branch, session] = r.argv.slice(r.argv.lastIndexOf('--') + 1);
  return { workspace: r.cwd, branch: branch ?? '', session: session ?? '' };
}

/** A branch; checkout is the user's own checkout that has it and in which no agent works yet, newBranch a free name beside it. */
export interface BranchChoice { name: string; remote?: string; current?: boolean; checkout?: string; newBranch?: string }

export interface Choices {
  repo: string;
  branches: BranchChoice[];
  more?: number;
  agents: { name: string; default?: boolean }[];
  images: { image: string; source: 'default' | 'reference' | 'dockerfile' }[];
}

export interface Changes {
  worktree: string;
  base?: string;
  commit: string;
  /** `uri` and `fromUri` are exact where a name is not UTF-8, and only there. */
  files: { path: string; from?: string; status: 'added' | 'modified' | 'deleted' | 'renamed'; uri?: string; fromUri?: string }[];
  more?: number;
}

/** An image of hjk-ls.images and hjk-ls.prune. */
export interface StockedImage {
  id: string;
  names: string[];
  ref?: string;
  dockerfile?: string;
  sizeBytes: number;
  instances: { repo: string; branch: string; stale: boolean }[];
  unused: boolean;
  newer?: boolean;
  newerDetail?: string;
}

export interface Check { name: string; ok: boolean; detail: string; fix?: string }

export interface RunArgs {
  workspace: string; branch: string; from?: string; image?: string; agent?: string; prompt?: string; session?: string; attach?: boolean; here?: boolean;
}
export interface BranchArgs { workspace: string; branch: string }
export interface SessionArgs extends BranchArgs { session?: string }

/** What becomes of a branch whose instance is removed. */
export interface BranchFate { deleted: boolean; deletable?: boolean; commits?: string[]; why?: string; kept?: string }

/** The commands, by name: their argument and their result. */
export interface Commands {
  'hjk-ls.run': [RunArgs, { instance: Instance; session: Session }];
  'hjk-ls.attach': [SessionArgs, { branch: string; session: string; argv: string[]; cwd: string }];
  'hjk-ls.stop': [BranchArgs, { instance: Instance }];
  'hjk-ls.kill': [SessionArgs, { instance: Instance }];
  'hjk-ls.send': [SessionArgs & { text: string; raw?: boolean; noEnter?: boolean; now?: boolean }, { branch: string; session: string; pasted: boolean }];
  'hjk-ls.forward': [{ workspace?: string; branch: string; port: number; local?: number }, Port & { branch: string }];
  'hjk-ls.unforward': [{ workspace?: string; branch: string; port?: number }, { ended: Port[] }];
  'hjk-ls.start': [{ workspace?: string; branches?: string[]; all?: boolean }, { started: { instance: Instance; sessions: string[]; warnings?: string[] }[]; failed?: { repo?: string; branch: string; code: string; message: string }[] }];
  'hjk-ls.setup': [BranchArgs, { instance: Instance; copied?: string[]; warnings?: string[] }];
  'hjk-ls.recreate': [BranchArgs & { image?: string; force?: boolean }, { instance: Instance; warnings?: string[] }];
  'hjk-ls.remove': [BranchArgs & { force?: boolean; deleteBranch?: boolean; dryRun?: boolean }, { removed: boolean; lost?: string; ignored?: string[]; branch?: BranchFate; kept?: { name: string; ref: string; commit: string }[]; moreKept?: number; keptUntil?: string; notKept?: string }];
  'hjk-ls.logs': [SessionArgs & { tail?: number }, { text: string; truncated?: boolean }];
  'hjk-ls.build': [{ workspace: string; dockerfile?: string; noCache?: boolean }, { image: string; durationMs: number }];
  'hjk-ls.buildLog': [{ workspace: string; dockerfile?: string; show?: boolean }, { text: string; truncated?: boolean; path: string; state: string }];
  'hjk-ls.images': [{ offline?: boolean }, { images: StockedImage[] }];
  'hjk-ls.prune': [{ dryRun?: boolean }, { images: StockedImage[]; sizeBytes: number; dryRun: boolean }];
  'hjk-ls.doctor': [{ workspace?: string }, { checks: Check[] }];
  'hjk-ls.choices': [{ workspace?: string }, Choices];
  'hjk-ls.merge': [BranchArgs & { squash?: boolean; rebase?: boolean; message?: string; remove?: boolean; now?: boolean }, { branch: string; into: string; commit: string; commits: number; removed?: boolean; deleted?: boolean; warnings?: string[] }];
  'hjk-ls.push': [BranchArgs & { remote?: string; force?: boolean; pullRequest?: boolean; draft?: boolean; now?: boolean }, { branch: string; remote: string; said?: string; pullRequest?: string; warnings?: string[] }];
  'hjk-ls.changes': [BranchArgs & { base?: string }, Changes];
  'hjk-ls.file': [{ workspace: string; commit: string; path?: string; uri?: string }, { text: string; binary?: boolean; absent?: boolean; truncated?: boolean; sizeBytes?: number }];
}

/** `data.code` of an error, "" where there is none. */
export function codeOf(err: unknown): string {
  const data: unknown = typeof err === 'object' && err !== null && 'data' in err ? err.data : undefined;
  return typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string' ? data.code : '';
}

/** The client library's code for a request that was under way when the connection ended (ErrorCodes.PendingResponseRejected). */
const REJECTED = -32097;

export function messageOf(err: unknown): string {
  if (err instanceof Error && 'code' in err && err.code === REJECTED) return l10n.t('The server ended before this was done.');
  return err instanceof Error ? err.message : String(err);
}
