/** A process's XML, and the number that it was given when it was begun. */
export const XML_NAME = /^vg\.(?<pid>\d{1,10})\.xml(?:\.(?<order>\d{1,9}))?$/;
export const LOG_NAME = /^valgrind\.log(?:\.(?<order>\d{1,9}))?$/;
