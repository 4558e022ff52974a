import * as vscode from 'vscode';
import {
  CloseAction, ErrorAction, LanguageClient, State as ClientState, TransportKind, type ErrorHandler, type LanguageClientOptions, type Middleware, type StaticFeature,
} from 'vscode-languageclient/node';
import type { Attention } from './attention';
import { findServer } from './binary';
import { messageOf, PROTOCOL, type BuildEvent, type Commands, type RunArgs, type Snapshot, type TerminalRequest } from './protocol';
import { Features } from './features';
import { UNASKED } from './late';
import { headline } from './present';
import { Progress } from './progress';
import { report } from './report';
import { serverSettings, setting } from './settings';
import type { State } from './state';
import { traceChannel } from './trace';

/** When a server that ended is not started again, in milliseconds. */
const GIVEN_UP = 1000;

/** How often one that ends by itself is started again. */
const RESTARTS = 3;
const WITHIN = 3 * 60_000; // milliseconds

/** How long one that starts is waited for before it is stopped. */
const STARTS = 5000;

/** What others do for the server, and for lenses, whose commands are the server's own. */
export interface Hands {
  openTerminal: (r: TerminalRequest) => void;
  run: (args: RunArgs) => Promise<unknown>;
}

/** The server's process and the conversation with it. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly progress = new Progress(token => this.notify('window/workDoneProgress/cancel', { token }));
  private turn: Promise<void> = Promise.resolve(); // starts and stops one after the other
  private readonly features = new Features();
  private readonly levels = new vscode.EventEmitter<void>();
  private readonly level: vscode.Disposable;
  private logAsked = UNASKED; // when a build's log was

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly state: State,
    readonly log: vscode.LogOutputChannel,
    private readonly attention: Attention,
    private readonly hands: Hands,
  ) {
    this.level = log.onDidChangeLogLevel(() => this.levels.fire());
  }

  /** Runs a command of the server; of one that is being started, once it answers. */
  async exec<K extends keyof Commands>(name: K, args: Commands[K][0], token?: vscode.CancellationToken): Promise<Commands[K][1]> {
    await this.turn;
    if (this.client?.state === ClientState.Starting) await this.client.start(); // again, after a crash
    if (!this.client || this.client.state !== ClientState.Running) {
      throw new Error(vscode.l10n.t('The Headjack server does not run. Start it with “Headjack: Restart Server”.'));
    }
    this.noteAsked(name);
    const params = { command: name, arguments: [args] }; // a token that is undefined would become a second parameter
    return await (token ? this.client.sendRequest<Commands[K][1]>('workspace/executeCommand', params, token) : this.client.sendRequest<Commands[K][1]>('workspace/executeCommand', params));
  }

  private noteAsked(command: string): void {
    if (command === 'hjk-ls.buildLog') this.logAsked = this.attention.ask();
  }

  get version(): string { return this.client?.initializeResult?.serverInfo?.version ?? ''; }

  start(): Promise<void> { return this.enqueue(() => this.startNow()); }
  restart(): Promise<void> { return this.enqueue(async () => { await this.stopNow(); await this.startNow(); }); }
  stop(): Promise<void> { return this.enqueue(() => this.stopNow()); }

  dispose(): void {
    void this.stop();
    for (const d of [this.progress, this.level, this.levels]) d.dispose();
  }

  /** Tells a server that runs already. */
  trust(): void { this.notify('hjk/trust', { trusted: true }); }
  configure(): void { this.notify('workspace/didChangeConfiguration', { settings: { headjack: serverSettings(this.context.extension) } }); }

  /** Takes the settings of what is shown. */
  refresh(): void {
    this.levels.fire();
    if (this.client?.state === ClientState.Running) this.features.refresh(this.client);
  }

  /** The library would start a server that does not run, to tell it. */
  private notify(method: string, params: object): void {
    if (this.client?.state !== ClientState.Running) return;
    this.client.sendNotification(method, params).catch((e: unknown) => this.log.warn(`${method}: ${messageOf(e)}`));
  }

  private enqueue(f: () => Promise<void>): Promise<void> {
    const next = this.turn.then(f, f);
    this.turn = next.catch(() => undefined);
    return next;
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.progress.clear();
    this.features.clear();
    if (client === undefined) return;
    try {
      for (const end = Date.now() + STARTS; client.state === ClientState.Starting && Date.now() < end;) { // it cannot be stopped before
        await new Promise(resolve => setTimeout(resolve, 50));
      }
      if (client.needsStop()) await client.stop(5000);
    } catch (e) {
      this.log.warn(`stop: ${messageOf(e)}`);
    }
    await client.dispose().catch(() => undefined);
  }

  private async startNow(): Promise<void> {
    this.state.setServer('starting');
    const found = findServer({
      bundled: this.context.asAbsolutePath('bin'), setting: setting('server.path', ''), path: process.env['PATH'] ?? '', platform: process.platform,
    });
    if ('problem' in found) {
      this.failed(found.problem);
      return;
    }
    this.log.info(`server: ${found.file}`);
    const client = new LanguageClient('headjack', 'Headjack', {
      command: found.file, transport: TransportKind.stdio, options: { env: serverEnv() },
    }, this.options());
    client.registerFeature(capability);
    this.client = client;
    client.onNotification('hjk/instances', (s: Snapshot) => { if (this.client === client) this.state.setSnapshot(s); });
    client.onNotification('hjk/build', (e: BuildEvent) => { if (this.client === client) this.state.noteBuild(e); });
    client.onRequest('hjk/openTerminal', (r: TerminalRequest) => { this.hands.openTerminal(r); return null; });
    client.onDidChangeState(e => {
      if (this.client !== client) return;
      if (e.newState === ClientState.Running) {
        this.state.setServer('running');
        return;
      }
      this.progress.clear();
      this.features.clear();
      this.state.setServer('starting');
      if (e.newState === ClientState.Starting) return;
      setTimeout(() => { // the library is about to start it again, unless it gave up
        if (this.client === client && client.state !== ClientState.Running && client.state !== ClientState.Starting) this.state.setServer('failed');
      }, GIVEN_UP);
    });
    try {
      await client.start();
    } catch (e) {
      await this.stopNow();
      this.failed(vscode.l10n.t('{0} could not be started: {1}', found.file, headline(messageOf(e))));
      return;
    }
    await this.checkProtocol(client, found.file);
  }

  private async checkProtocol(client: LanguageClient, file: string): Promise<void> {
    const has = protocolOf(client.initializeResult?.capabilities.experimental);
    this.log.info(`hjk-ls ${this.version}, protocol ${has}`);
    if (has >= PROTOCOL) return;
    const version = this.version;
    await this.stopNow();
    this.failed(vscode.l10n.t('{0} (version {1}) is too old for this extension. Install a newer hjk-ls, or empty the setting headjack.server.path to use the one that came with the extension.', file, version || '?'));
  }

  /** Starts a server that ended by itself again, but not one that does so again and again. */
  private errorHandler(): ErrorHandler {
    const ends: number[] = [];
    return {
      error: (_error, _message, count) => ({ action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown }),
      closed: () => {
        ends.push(Date.now());
        if (ends.length > RESTARTS + 1) ends.shift();
        if (ends.length <= RESTARTS || Date.now() - (ends[0] ?? 0) > WITHIN) return { action: CloseAction.Restart };
        void this.gaveUp();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  private async gaveUp(): Promise<void> {
    const again = vscode.l10n.t('Restart Server');
    const output = vscode.l10n.t('Show Output');
    const choice = await vscode.window.showErrorMessage(vscode.l10n.t('Headjack: the server ended {0} times within three minutes and is not started again. Agents work on without it.', RESTARTS + 1), again, output);
    if (choice === again) await this.restart();
    if (choice === output) this.log.show();
  }

  private failed(problem: string): void {
    this.state.setServer('failed');
    this.log.error(problem);
    const settings = vscode.l10n.t('Open Settings');
    const again = vscode.l10n.t('Try Again');
    void vscode.window.showErrorMessage(`Headjack: ${problem}`, settings, again).then(async choice => {
      if (choice === settings) await vscode.commands.executeCommand('workbench.action.openSettings', 'headjack.server.path');
      if (choice === again) await this.restart();
    });
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: 'file', language: 'dockerfile' }],
      outputChannel: this.log,
      traceOutputChannel: traceChannel(this.log, this.levels.event),
      initializationOptions: { trusted: vscode.workspace.isTrusted, headjack: serverSettings(this.context.extension) },
      errorHandler: this.errorHandler(),
      middleware: this.middleware(),
    };
  }

  private middleware(): Middleware {
    return {
      ...this.features.middleware,
      handleWorkDoneProgress: this.progress.handle,
      executeCommand: async (command, args, next) => {
        try {
          this.attention.deed();
          this.noteAsked(command);
          const run = command === 'hjk-ls.run' ? lensOf(args) : undefined;
          return await (run ? this.hands.run(run) : next(command, args)) as unknown;
        } catch (e) {
          report(e, this.log);
          return undefined;
        }
      },
      window: {
        showDocument: async (params, token, next) => {
          const log = vscode.l10n.t('the log of the build is there.');
          return params.takeFocus !== true || await this.attention.welcome(this.logAsked, log) ? next(params, token) : { success: false };
        },
      },
      workspace: {
        configuration: (params, token, next) => {
          if (params.items.every(i => i.section === 'headjack')) return params.items.map(() => serverSettings(this.context.extension));
          return next(params, token);
        },
      },
    };
  }
}

/** What a lens asks to run, unless it is another extension, which attaches to nothing, or does so by itself. */
function lensOf(args: unknown[]): RunArgs | undefined {
  const [a] = args as Partial<RunArgs>[];
  return a?.attach === true && typeof a.branch === 'string' && typeof a.workspace === 'string' ? a as RunArgs : undefined;
}

/** Announces that this editor can open terminals. */
const capability: StaticFeature = {
  fillClientCapabilities: capabilities => {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), headjack: { openTerminal: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};

function protocolOf(experimental: unknown): number {
  const e = experimental as { headjack?: { protocol?: unknown } } | undefined;
  return typeof e?.headjack?.protocol === 'number' ? e.headjack.protocol : 0;
}

/** The environment of the server and of attached terminals. */
export function serverEnv(): NodeJS.ProcessEnv {
  const host = setting('engine.host', '');
  return host === '' ? process.env : { ...process.env, DOCKER_HOST: host };
}
