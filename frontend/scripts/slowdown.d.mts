export function slowdownFor(benchmark: number): number;
