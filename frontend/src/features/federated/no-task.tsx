import { Link } from '@tanstack/react-router';
import { Empty, PageHead } from '@/components/basics';

export function NoTask({ task }: { task: bigint }) {
  return (
    <>
      <PageHead title="No such task" crumb={<Link to="/tasks">Federated tasks</Link>} />
      <Empty
        title={`There is no task ${String(task)}`}
        action={
          <Link to="/tasks" className="button">
            All tasks
          </Link>
        }
      >
        The link is wrong, or it belongs to another network.
      </Empty>
    </>
  );
}
