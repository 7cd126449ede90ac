/** The other side does not keep to the protocol of frames; the message is the end of a sentence that begins with it. */
export class MalformedFrames extends Error {}
