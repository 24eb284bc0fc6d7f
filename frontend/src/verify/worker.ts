/// <reference lib="webworker" />
import './language';
import type { WorkRequest } from './protocol';
import { work } from './work';

addEventListener('message', ({ data }: MessageEvent<{ id: number; request: WorkRequest }>) => {
  void work(data.request).then((answer) => {
    postMessage({ id: data.id, answer });
  });
});
