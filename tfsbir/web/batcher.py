"""Sketches of requests that come at the same time are encoded together."""

import asyncio
import concurrent.futures

import numpy as np


class Batcher:
    """Encodes images in batches, one batch at a time, in a thread of its own.

    An image waits for others while a batch is under way, or for a moment where none is.

    Args:
        encode: Function from float32 `(batch, size, size, channels)` to `(batch, dim)`.
        max_batch: Int >= 1, images in a batch.
        wait_ms: Float >= 0, how long the first image of a batch waits for others.
        on_batch: Function that is told how many images a batch has.
    """

    def __init__(self, encode, max_batch, wait_ms, on_batch):
        self.encode = encode
        self.max_batch = max_batch
        self.wait_ms = wait_ms
        self.on_batch = on_batch
        self.executor = concurrent.futures.ThreadPoolExecutor(1, "encode")
        self._waiting = None
        self._task = None

    async def start(self):
        """Begins to take images."""
        self._waiting = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    async def stop(self):
        """Ends; what is waiting is cancelled."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].cancel()
        self.executor.shutdown(wait=False, cancel_futures=True)

    async def submit(self, image):
        """Returns the embedding of one image, float32 `(dim,)`; raises what `encode` raises."""
        result = asyncio.get_running_loop().create_future()
        await self._waiting.put((image, result))
        return await result

    async def run(self, function, *arguments):
        """Runs a function in the thread of the encoder, between batches."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, *arguments)

    async def _run(self):
        while True:
            batch = [await self._waiting.get()]
            if self._waiting.empty() and self.wait_ms:
                await asyncio.sleep(self.wait_ms / 1000)
            while len(batch) < self.max_batch and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch = [(image, result) for image, result in batch if not result.cancelled()]
            if not batch:
                continue
            self.on_batch(len(batch))
            try:
                embeddings = await self.run(self.encode, np.stack([image for image, _ in batch]))
            except Exception as error:  # Whatever it is, it is for those who asked.
                for _, result in batch:
                    if not result.done():
                        result.set_exception(error)
                continue
            for (_, result), embedding in zip(batch, embeddings, strict=True):
                if not result.done():
                    result.set_result(embedding)
