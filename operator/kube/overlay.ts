/** How an overlay ends. */
export type OverlayEnd =
  | { readonly by: 'version'; readonly version: string | undefined }
  | { readonly by: 'deletion' }
  /** Nobody knows which event to wait for: a read of the object decides. */
  | { readonly by: 'read' };

/** An own write that is shown before the watch has delivered it. */
export interface Overlay<T> {
  readonly uid: string | undefined;
  /** Turn of the answer that is shown; a list begun later is at least as new. */
  readonly recordedAt: number;
  /** Turn of the answer to the own write, also when a read has replaced its object; a write begun later is newer. */
  readonly writtenAt: number;
  end: OverlayEnd;
  /** What list and watch say meanwhile. */
  behind: T | undefined;
}
