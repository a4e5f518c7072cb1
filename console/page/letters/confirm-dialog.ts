import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { html } from '#console/page/html.ts';

interface ConfirmDialogProps {
  readonly title: string;
  readonly action: string;
  readonly children?: ComponentChildren;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something is changed. The browser keeps the focus in it, Escape closes it, and the focus goes back where it was. */
export function ConfirmDialog({ title, action, children, onConfirm, onClose }: ConfirmDialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return html`
    <dialog ref=${dialog} onClose=${onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">${title}</h2>
      <div class="dialog-words">${children}</div>
      <div class="dialog-actions">
        <button class="quiet" onClick=${() => dialog.current?.close()} autofocus>Cancel</button>
        <button class="primary" onClick=${() => {
          onConfirm();
          dialog.current?.close();
        }}>${action}</button>
      </div>
    </dialog>
  `;
}
