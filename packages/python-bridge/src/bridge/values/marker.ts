/** Key by which an object in JSON says that it stands for something that JSON lacks. */
export const markerKey = '__snakepit__';

/** How many buffers one call may carry beside its JSON, so that no peer can make us keep millions of tiny ones. */
export const maxAttachments = 65_536;

/** How deep JSON may be nested, markers included; Python's parser gives up at about a thousand levels. */
export const maxDepth = 500;
