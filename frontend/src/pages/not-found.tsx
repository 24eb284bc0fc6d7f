import { Link } from '@tanstack/react-router';
import { Empty, PageHead } from '@/components/basics';

export function NotFound() {
  return (
    <div className="page">
      <PageHead title="Nothing here" />
      <Empty
        title="There is no such page"
        action={
          <Link to="/" className="button">
            Explore streams
          </Link>
        }
      >
        The address is wrong, or what it named is gone.
      </Empty>
    </div>
  );
}
