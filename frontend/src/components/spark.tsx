/** A small curve without axes; what it shows stands beside it in words. */
export function Spark({ values, label }: { values: number[]; label: string }) {
  const width = 176;
  const height = 36;
  const top = Math.max(1, ...values);
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const points = values.map(
    (value, index) =>
      `${(index * step).toFixed(1)},${(height - 2 - (value / top) * (height - 6)).toFixed(1)}`,
  );
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      width="100%"
      height={height}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      <path d={`M0 ${height - 0.5}H${width}`} stroke="var(--tick)" vectorEffect="non-scaling-stroke" />
      {points.length > 1 && (
        <path
          d={`M${points.join('L')}`}
          fill="none"
          stroke="var(--verified)"
          strokeWidth="1.5"
          vectorEffect="non-scaling-stroke"
        />
      )}
    </svg>
  );
}
