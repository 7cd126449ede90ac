/** A place in a chart: pixels from its upper left corner. */
export interface ChartPoint {
  /** Pixels from the left. */
  readonly x: number;
  /** Pixels from the top. */
  readonly y: number;
}

/** A rectangle in a chart, in pixels. */
export interface ChartBox extends ChartPoint {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/** Where one arrow runs. */
export interface ChartRoute {
  /** Ids of the transitions it stands for; empty for the arrow from an initial point. */
  readonly edges: readonly string[];
  /** Its corners, from its beginning to its head. */
  readonly points: readonly ChartPoint[];
  /** Where its words are; null without words. */
  readonly label: ChartBox | null;
}

/** Where everything of a chart is. It is data, like the chart itself. */
export interface ChartLayout {
  /** Width of the picture in pixels. */
  readonly width: number;
  /** Height of the picture in pixels. */
  readonly height: number;
  /** Box of each state, in the order of the chart's states. */
  readonly states: readonly ChartBox[];
  /** The points where compound states begin. */
  readonly initials: readonly ChartBox[];
  /** The arrows. */
  readonly routes: readonly ChartRoute[];
}
