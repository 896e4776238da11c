import type { ServerResponse } from 'node:http';

/**
 * Sends pieces as fast as the caller takes them, and ends the answer; stops when he is gone.
 *
 * @param pieces no more than one is asked for ahead of the caller
 */
export async function sendPieces(response: ServerResponse, pieces: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>): Promise<void> {
  let goOn = () => {};
  const onRoom = () => goOn();
  // One listener for all waits: one for each would be left for each piece.
  response.on('drain', onRoom).on('close', onRoom);
  try {
    for await (const piece of pieces) {
      if (response.destroyed) {
        return;
      }
      if (!response.write(piece)) {
        await new Promise<void>((resolve) => (goOn = resolve));
      }
    }
  } finally {
    response.off('drain', onRoom).off('close', onRoom);
  }
  if (!response.destroyed) {
    response.end();
  }
}
