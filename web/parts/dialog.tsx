import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A question over the page; Escape closes it, and the focus goes back to where it was. */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: (() => void) | undefined;
  readonly children: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const { onClose } = props;
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose?.();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2>{props.title}</h2>
          {onClose === undefined ? null : (
            <button type="button" class="quiet" onClick={onClose} aria-label="Close">
              ✕
            </button>
          )}
        </header>
        {props.children}
      </div>
    </dialog>
  );
}
