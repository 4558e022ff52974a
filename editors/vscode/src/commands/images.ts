import * as vscode from 'vscode';
import type { Context } from '../context';
import type { StockedImage } from '../protocol';
import { imagesRemoved, imagesToRemove, imageTitle, imageUsers, indented, megabytes } from '../present';
import { label } from '../plain';
import { chooseFrom, type Offer } from './pick';

/** What stands for an image in the line that removes some. */
const PRUNE = '\n';

/** Shows the images in the engine that agents use or used, and offers to remove those that nothing uses. */
export async function showImages(c: Context): Promise<void> {
  const found = c.server.exec('hjk-ls.images', {}).then(({ images }) => stock(images));
  if (await chooseFrom(found, vscode.l10n.t('Looking for newer images'), '') === PRUNE) await removeUnused(c);
}

function stock(images: StockedImage[]): Offer<string> {
  const unused = images.filter(i => i.unused);
  const items = images.map(i => ({ label: `$(${i.unused ? 'circle-slash' : 'package'}) ${label(imageTitle(i))}`, description: `${megabytes(i.sizeBytes)} · ${label(imageUsers(i)) || vscode.l10n.t('used by nothing')}`, ...detail(i), value: '' }));
  if (unused.length > 0) items.push({ label: '$(trash) ' + vscode.l10n.t('Remove unused images…'), description: total(unused), value: PRUNE });
  return { items, title: images.length === 0 ? vscode.l10n.t('No agent has an image yet') : vscode.l10n.t('Images') };
}

/** Removes the images that no container uses, after naming them. */
export async function removeUnused(c: Context): Promise<void> {
  const asked = c.attention.ask();
  const { images } = await c.server.exec('hjk-ls.prune', { dryRun: true });
  if (images.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No image is unused.'));
    return;
  }
  if (!await c.attention.welcome(asked, vscode.l10n.t('it is known which images nothing uses. They are removed when you have seen them.'))) return;
  const button = vscode.l10n.t('Remove Images');
  const named = indented(images.map(i => `${imageTitle(i)} (${megabytes(i.sizeBytes)})`), 15);
  const sure = await vscode.window.showWarningMessage(imagesToRemove(images.length), { modal: true, detail: named }, button);
  if (sure !== button) return;
  const done = await c.server.exec('hjk-ls.prune', {});
  void vscode.window.showInformationMessage(imagesRemoved(done.images.length));
}

function total(images: StockedImage[]): string {
  return megabytes(images.reduce((n, i) => n + i.sizeBytes, 0));
}

/** The whole path, which a label would cut, and what is known of newer ones. */
function detail(i: StockedImage): { detail?: string } {
  const newer = i.newer ? '$(arrow-circle-up) ' + vscode.l10n.t('There is a newer one: {0}', label(i.newerDetail ?? '')) : i.newer === undefined ? label(i.newerDetail ?? '') : undefined;
  const lines = [i.dockerfile === undefined ? undefined : label(i.dockerfile), newer].filter(Boolean);
  return lines.length > 0 ? { detail: lines.join(' · ') } : {};
}
