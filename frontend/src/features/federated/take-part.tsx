import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { aggregator, downloadModel, type TaskInfo } from '@/api/aggregator';
import {
  Button,
  Command,
  Failure,
  Id,
  Loaded,
  Notice,
  Panel,
  Progress,
  Seal,
  Time,
} from '@/components/basics';
import { download, fileStem, size } from '@/lib/text';
import { toHex } from '@/verify/bytes';
import { modelQuery } from './queries';
import { trainLine } from './words';

/** How to train along. */
export function TakePart({ info }: { info: TaskInfo }) {
  return (
    <Panel title="Take part">
      <p>
        Train where your data is. Only what you learned leaves your machine, and the canister scores it
        {info.args.reward.length > 0 ? ' and pays for it' : ''}.
      </p>
      <Command text={trainLine(info.id, location.origin, aggregator())}>In a shell:</Command>
    </Panel>
  );
}

/** The model in force, proved, to be saved. */
export function ModelFile({ info }: { info: TaskInfo }) {
  const model = useQuery(modelQuery(info.id, info.version));
  return (
    <Panel
      title="Model"
      aside={
        model.data && (
          <Seal state="verified">
            Certified <Time ns={model.data.proof.certifiedAt} />
          </Seal>
        )
      }
    >
      <Loaded query={model}>
        {(proved) =>
          proved ? (
            <>
              <dl className="pairs pairs-stacked">
                <dt>Version</dt>
                <dd>
                  <span className="num">{proved.value.version}</span>
                  {proved.value.round === 0 ? ', the first' : `, from round ${proved.value.round}`}
                </dd>
                <dt>Content hash</dt>
                <dd>
                  <Id text={toHex(proved.value.hash)} label="the model’s content hash" />
                </dd>
              </dl>
              <Save info={info} bytes={proved.value.bytes} />
            </>
          ) : (
            <p className="muted">There is none: not before the first is prepared, or not any more.</p>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Save({ info, bytes }: { info: TaskInfo; bytes: bigint }) {
  const [done, setDone] = useState<{ bytes: number; of: number }>();
  const [stop, setStop] = useState<AbortController>();
  const saving = useMutation({
    mutationFn: async () => {
      const control = new AbortController();
      setStop(control);
      setDone(undefined);
      const got = await downloadModel(info.id, (bytes, of) => setDone({ bytes, of }), control.signal);
      if (!got) throw new Error('The model is not there any more.');
      const name = `${fileStem(info.args.name)}-v${got.model.version}.safetensors`;
      download(name, new Blob(got.pieces as BlobPart[]), 'application/octet-stream');
      return name;
    },
  });
  const stopped = saving.error instanceof DOMException;
  return (
    <>
      <div className="row">
        <Button disabled={saving.isPending} onClick={() => saving.mutate()}>
          Download, verified
        </Button>
        {saving.isPending ? (
          <Button look="quiet" onClick={() => stop?.abort()}>
            Stop
          </Button>
        ) : (
          <span className="muted small">safetensors, {size(bytes)}</span>
        )}
      </div>
      {saving.isPending && done && <Progress label="Verified" value={done.bytes} of={done.of} />}
      {saving.isSuccess && (
        <Notice kind="verified" title="Verified and saved">
          <p>{saving.data}: every piece belongs to the certified content hash.</p>
        </Notice>
      )}
      {saving.error && !stopped && <Failure error={saving.error} retry={() => saving.mutate()} />}
    </>
  );
}
